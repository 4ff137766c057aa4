//! The vocabulary of vidbench: ids, units, suites, plans, samples, outcomes, events, protocol messages
