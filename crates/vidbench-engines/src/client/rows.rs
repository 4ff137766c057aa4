//! Features of several rows: they come in notifications before the answer, which gives their count.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use vidbench_core::protocol::ScoreResult;

use super::{CallObserver, Notification};

/// Gathers rows while a clip is scored; everything else goes on to the caller's observer.
pub(super) struct Gathered<'a> {
    observer: &'a mut dyn CallObserver,
    /// By net.
    values: BTreeMap<String, Vec<f32>>,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(observer: &'a mut dyn CallObserver) -> Self {
        Self { observer, values: BTreeMap::new() }
    }

    /// Puts the gathered rows into the features that the answer left empty.
    pub(super) fn fill(mut self, result: &mut ScoreResult) -> Result<(), String> {
        for features in result.features.iter_mut().filter(|features| features.values.is_empty()) {
            features.values = self.values.remove(&features.net).unwrap_or_default();
        }
        match self.values.keys().next() {
            Some(net) => Err(format!("rows of {net:?} were sent, but the answer has none")),
            None => Ok(()),
        }
    }
}

impl CallObserver for Gathered<'_> {
    fn notification(&mut self, notification: &Notification) {
        if let Notification::Rows(rows) = notification {
            self.values.entry(rows.net.clone()).or_default().extend(&rows.values);
        } else {
            self.observer.notification(notification);
        }
    }

    fn tick(&mut self, elapsed: Duration) -> ControlFlow<()> {
        self.observer.tick(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use vidbench_core::protocol::{Decoded, Features, RowsParams};

    use super::*;

    fn filled(came: &[(&str, &[f32])], counted: &[(&str, u32)]) -> Result<Vec<Vec<f32>>, String> {
        let mut observer = ();
        let mut gathered = Gathered::new(&mut observer);
        for (net, values) in came {
            let rows = RowsParams { net: (*net).into(), values: values.to_vec() };
            gathered.notification(&Notification::Rows(rows));
        }
        let features =
            |(net, rows): &(&str, u32)| Features { net: (*net).into(), rows: *rows, values: vec![] };
        let mut result = ScoreResult {
            decoded: Decoded::Failed { reason: String::new() },
            pairing: None,
            scores: Vec::new(),
            features: counted.iter().map(features).collect(),
            net_secs: BTreeMap::new(),
            decode_secs: 0.0,
            score_secs: 0.0,
        };
        gathered.fill(&mut result)?;
        Ok(result.features.into_iter().map(|features| features.values).collect())
    }

    #[test]
    fn rows_of_each_net_are_joined_in_their_order() {
        let came: [(&str, &[f32]); 3] = [("a", &[1.0, 2.0]), ("b", &[5.0]), ("a", &[3.0, 4.0])];
        assert_eq!(filled(&came, &[("a", 2), ("b", 1)]), Ok(vec![vec![1.0, 2.0, 3.0, 4.0], vec![5.0]]));
    }

    #[test]
    fn rows_that_no_answer_counts_are_a_fault() {
        let fault = filled(&[("a", &[1.0])], &[("b", 1)]).unwrap_err();
        assert_eq!(fault, "rows of \"a\" were sent, but the answer has none");
    }
}
