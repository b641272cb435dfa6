-- The same on both databases.
SELECT 1;
