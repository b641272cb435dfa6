//! Terms that the law or a contract sets. The table stands; the engine that fills it comes with the terms.
