-- A CHECK says nothing about what is stored already: the text of the schema is exchanged, as SQLite's own
-- documentation of ALTER TABLE allows for it, and the rows stay where they are.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql, '''before'', ''after'', ''act'', ''reading'', ''no_access'', ''other''',
                       '''before'', ''after'', ''act'', ''reading'', ''no_access'', ''other'', ''signature_resident'', ''signature_crew'', ''document'', ''voice''')
WHERE type = 'table' AND name = 'photo';
PRAGMA writable_schema = RESET;
