-- Materials with versions, stock, paid works.
SELECT 1;
