//! Reports as pure strings: tables, HTML, plots, exports
