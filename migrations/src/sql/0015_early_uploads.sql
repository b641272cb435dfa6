-- The tables of uploads are made anew: see the files of each database.
SELECT 1;
