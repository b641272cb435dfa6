-- What closing demands, acts, signatures.
SELECT 1;
