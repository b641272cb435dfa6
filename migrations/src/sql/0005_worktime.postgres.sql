-- Nothing of this engine's own.
SELECT 1;
