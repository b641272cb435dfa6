-- Stores of bytes and uploads.
SELECT 1;
