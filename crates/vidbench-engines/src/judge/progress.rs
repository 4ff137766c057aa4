//! The order of notifications within one call.

use vidbench_core::protocol::{StepParams, method};

use super::span_order;
use crate::Notification;

/// The notifications of a call so far.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    last_step: Option<StepParams>,
    last_stage_end_ns: u64,
}

impl Progress {
    /// Takes the next notification of a call of `method`; the error says which rule it breaks.
    pub(crate) fn take(&mut self, method: &str, notification: &Notification) -> Result<(), String> {
        match notification {
            Notification::Log(_) => Ok(()),
            Notification::Rows(_) if method == method::SCORE => Ok(()),
            Notification::Rows(_) => Err(format!("rows belong to score, not to {method}")),
            Notification::Download(_) if method == method::LOAD => Ok(()),
            Notification::Download(_) => Err(format!("download belongs to load, not to {method}")),
            Notification::Step(_) | Notification::Stage(_) if method != method::GENERATE => {
                Err(format!("step and stage belong to generate, not to {method}"))
            }
            Notification::Step(step) => self.step(step),
            Notification::Stage(span) => {
                span_order(span, self.last_stage_end_ns)?;
                self.last_stage_end_ns = span.end_ns;
                Ok(())
            }
        }
    }

    /// Called at the answer: a worker that reports steps must have reported all of them.
    pub(crate) fn finish(&self) -> Result<(), String> {
        match &self.last_step {
            Some(StepParams { index, total, .. }) if index != total => {
                Err(format!("the answer came after step {index} of {total}"))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn step(&mut self, step: &StepParams) -> Result<(), String> {
        let &StepParams { index, total, t_ns } = step;
        let first = StepParams { index: 0, total, t_ns: 0 };
        let last = self.last_step.as_ref().unwrap_or(&first);
        if total != last.total {
            return Err(format!("the total number of steps changed from {} to {total}", last.total));
        }
        if Some(index) != last.index.checked_add(1) || index > total {
            return Err(format!("step {index} of {total} after step {}", last.index));
        }
        if t_ns < last.t_ns {
            return Err(format!(
                "step {index} ended at {t_ns} ns, before step {} at {} ns",
                last.index, last.t_ns
            ));
        }
        self.last_step = Some(step.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use vidbench_core::protocol::{DownloadParams, LogParams, RowsParams, Stage, StageSpan};

    use super::*;

    fn step(index: u32, total: u32, t_ns: u64) -> Notification {
        Notification::Step(StepParams { index, total, t_ns })
    }

    fn stage(start_ns: u64, end_ns: u64) -> Notification {
        Notification::Stage(StageSpan { name: Stage::Denoise, start_ns, end_ns })
    }

    fn verdict(notifications: &[Notification]) -> Result<(), String> {
        let mut progress = Progress::default();
        notifications.iter().try_for_each(|notification| progress.take("generate", notification))?;
        progress.finish()
    }

    #[test]
    fn a_full_count_of_steps_is_sound_and_so_is_none() {
        assert_eq!(verdict(&[]), Ok(()));
        assert_eq!(
            verdict(&[step(1, 3, 5), step(2, 3, 5), stage(1, 9), step(3, 3, 8), stage(9, 12)]),
            Ok(())
        );
    }

    #[test]
    fn steps_out_of_order_are_named() {
        let fault = |notifications: &[Notification]| verdict(notifications).unwrap_err();
        assert_eq!(fault(&[step(2, 3, 5)]), "step 2 of 3 after step 0");
        assert_eq!(fault(&[step(0, 3, 5)]), "step 0 of 3 after step 0");
        assert_eq!(fault(&[step(1, 3, 5), step(1, 3, 6)]), "step 1 of 3 after step 1");
        assert_eq!(fault(&[step(1, 1, 5), step(2, 1, 6)]), "step 2 of 1 after step 1");
        assert_eq!(fault(&[step(1, 2, 5), step(2, 3, 6)]), "the total number of steps changed from 2 to 3");
        assert_eq!(fault(&[step(1, 2, 5), step(2, 2, 4)]), "step 2 ended at 4 ns, before step 1 at 5 ns");
        assert_eq!(fault(&[step(1, 2, 5)]), "the answer came after step 1 of 2");
    }

    #[test]
    fn stages_out_of_order_are_named() {
        assert_eq!(
            verdict(&[stage(5, 4)]).unwrap_err(),
            "stage denoise ends at 4 ns, before it starts at 5 ns"
        );
        assert!(verdict(&[stage(1, 4), stage(3, 5)]).unwrap_err().contains("before the previous stage ends"));
    }

    #[test]
    fn each_notification_belongs_to_its_request() {
        let mut progress = Progress::default();
        let log = Notification::Log(LogParams { level: "info".into(), message: "loading".into() });
        assert_eq!(progress.take("load", &log), Ok(()));
        assert!(progress.take("load", &step(1, 1, 1)).unwrap_err().contains("not to load"));
        assert!(progress.take("score", &stage(1, 1)).unwrap_err().contains("not to score"));
        let rows = Notification::Rows(RowsParams { net: "net@1".into(), values: vec![1.0] });
        assert_eq!(progress.take("score", &rows), Ok(()));
        assert!(progress.take("load", &rows).unwrap_err().contains("not to load"));
        let download = Notification::Download(DownloadParams { done_bytes: 1, total_bytes: 2 });
        assert_eq!(progress.take("load", &download), Ok(()));
        assert!(progress.take("generate", &download).unwrap_err().contains("not to generate"));
    }
}
