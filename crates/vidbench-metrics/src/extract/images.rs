//! Nets that look at one image at a time: frames go through in batches, and each gives a row.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use vidbench_core::{DecodedFrame, FramesU8};
use vidbench_nn::nets::Net;
use vidbench_video::Size;

use super::frames::Planar;
use super::{Extractor, Rows, run_rows, tensor};
use crate::MetricError;

/// Frames that go through a net together.
pub(super) const BATCH: usize = 8;

type Prepare = fn(&DecodedFrame<'_>) -> Result<Planar, MetricError>;

/// A net with an input `image`, and a head that takes its output, if any.
pub(super) struct Images {
    net: Arc<Net>,
    prepare: Prepare,
    head: Option<Arc<Net>>,
    batch: Batch,
}

impl Images {
    pub(super) fn new(net: Arc<Net>, prepare: Prepare, head: Option<Arc<Net>>) -> Self {
        Self { net, prepare, head, batch: Batch::default() }
    }
}

impl Extractor for Images {
    fn push(&mut self, frame: &DecodedFrame<'_>, _: Option<&DecodedFrame<'_>>) -> Result<(), MetricError> {
        self.batch.take((self.prepare)(frame)?);
        if self.batch.is_full() { self.run() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<Rows, MetricError> {
        self.run()?;
        Ok(self.batch.rows)
    }
}

impl Images {
    fn run(&mut self) -> Result<(), MetricError> {
        let (net, head) = (&self.net, &self.head);
        self.batch.run(|shape, values| {
            let (values, dims) = run_rows(net, &[("image", tensor(shape, values))])?;
            match head {
                Some(head) => run_rows(head, &[("embedding", tensor([shape[0], dims], values))]),
                None => Ok((values, dims)),
            }
        })
    }
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Images").field("net", &self.net.name()).finish_non_exhaustive()
    }
}

/// Frames that wait, and the rows of the frames that went through the net.
#[derive(Debug)]
pub(super) struct Batch {
    size: Size,
    waiting: Vec<f32>,
    count: usize,
    /// How many go through together: fewer than [`BATCH`] once memory ran out.
    most: usize,
    pub(super) rows: Rows,
}

impl Default for Batch {
    fn default() -> Self {
        let size = Size { height: 0, width: 0 };
        Self { size, waiting: Vec::new(), count: 0, most: BATCH, rows: Rows::of_dims(0) }
    }
}

impl Batch {
    pub(super) fn take(&mut self, image: Planar) {
        self.size = image.size;
        self.waiting.extend(image.values);
        self.count += 1;
    }

    pub(super) fn is_full(&self) -> bool {
        self.count == BATCH
    }

    /// Size of the images.
    pub(super) fn size(&self) -> Size {
        self.size
    }

    /// Puts the waiting images, `[N, 3, H, W]`, through `run`, which returns rows and the length of a row.
    pub(super) fn run(
        &mut self,
        mut run: impl FnMut([usize; 4], Vec<f32>) -> Result<(Vec<f32>, usize), MetricError>,
    ) -> Result<(), MetricError> {
        let (waiting, count) = (std::mem::take(&mut self.waiting), std::mem::take(&mut self.count));
        let Size { height, width } = self.size;
        let image = FramesU8::CHANNELS * height * width;
        let (values, dims) = in_halves(count, &mut self.most, &mut self.rows.note, |at| {
            let part = waiting[at.start * image..at.end * image].to_vec();
            run([at.len(), FramesU8::CHANNELS, height, width], part)
        })?;
        self.rows.dims = dims.max(self.rows.dims);
        self.rows.values.extend(values);
        Ok(())
    }
}

/// Puts `count` images through `run`, at most `most` together. Where memory runs out, `most` is halved from then on,
/// and the note says so: a net may round differently when it looks at fewer images at a time.
pub(super) fn in_halves(
    count: usize,
    most: &mut usize,
    note: &mut Option<String>,
    mut run: impl FnMut(Range<usize>) -> Result<(Vec<f32>, usize), MetricError>,
) -> Result<(Vec<f32>, usize), MetricError> {
    let (mut values, mut dims, mut done) = (Vec::new(), 0, 0);
    while done < count {
        let size = (*most).min(count - done);
        match run(done..done + size) {
            Ok((rows, of_row)) => {
                values.extend(rows);
                (dims, done) = (of_row, done + size);
            }
            Err(MetricError::OutOfMemory { net, .. }) if size > 1 => {
                *most = size / 2;
                *note = Some(format!(
                    "memory ran out: {net} processed {most} frames at a time instead of {BATCH}"
                ));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((values, dims))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A net with memory for `room` images.
    fn run(room: usize, count: usize) -> (Result<Vec<f32>, MetricError>, Option<String>) {
        let (mut most, mut note) = (BATCH, None);
        let rows = in_halves(count, &mut most, &mut note, |at| match at.len() <= room {
            true => Ok((at.map(|image| image as f32).collect(), 1)),
            false => Err(MetricError::OutOfMemory { net: "dino-vitb16", reason: "no room".into() }),
        });
        (rows.map(|(values, _)| values), note)
    }

    #[test]
    fn where_memory_runs_out_fewer_images_go_through_together_and_none_is_lost() {
        let all: Vec<f32> = (0..8).map(|image| image as f32).collect();
        assert_eq!(run(8, 8), (Ok(all.clone()), None));
        for room in [1, 2, 3, 5, 7] {
            let (rows, note) = run(room, 8);
            assert_eq!(rows, Ok(all.clone()), "{room}");
            assert!(note.unwrap().starts_with("memory ran out: dino-vitb16 processed "));
        }
        assert_eq!(run(8, 0), (Ok(Vec::new()), None));
    }

    #[test]
    fn an_image_for_which_there_is_no_memory_is_an_error() {
        let (rows, _) = run(0, 8);
        let error = rows.unwrap_err().to_string();
        assert_eq!(error, "net dino-vitb16: out of memory: no room");
    }
}
