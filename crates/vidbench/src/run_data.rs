//! Reads a whole run together with the sensor data of each sample.

use vidbench_analysis::sample_telemetry;
use vidbench_core::{RunData, RunId};
use vidbench_store::{Store, StoreError};

/// The run as analysis and reports read it.
///
/// # Errors
/// The store cannot be read, or does not have the run.
pub fn run_data(store: &Store, run: &RunId) -> Result<RunData, StoreError> {
    let mut data = store.run_data(run)?;
    let readings = &data.readings;
    for sample in &mut data.samples {
        let Some(timing) = sample.generation.as_ref().and_then(|made| made.timing.as_ref()) else { continue };
        let of_session = readings.iter().find(|(session, _)| *session == timing.session);
        sample.telemetry =
            of_session.map(|(_, readings)| sample_telemetry(readings, timing.start_ns, timing.end_ns));
    }
    Ok(data)
}
