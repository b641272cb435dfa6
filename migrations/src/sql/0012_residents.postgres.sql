-- The residents' part: tracking links, audit of reads, erasure.
SELECT 1;
