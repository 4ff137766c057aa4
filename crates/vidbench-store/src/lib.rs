//! SQLite store and content-addressed artifacts
