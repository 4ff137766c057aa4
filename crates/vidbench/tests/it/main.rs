//! The binary as a person and a machine meet it.

mod browser;
mod errors;
mod faults;
mod help;
mod kill;
mod main_job;
mod workspace;
