//! Nets that look at one image at a time: frames go through in batches, and each gives a row.

use std::fmt;
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

/// Frames that wait, and the rows of those that went through.
#[derive(Debug)]
pub(super) struct Batch {
    size: Size,
    waiting: Vec<f32>,
    count: usize,
    pub(super) rows: Rows,
}

impl Default for Batch {
    fn default() -> Self {
        let rows = Rows { dims: 0, values: Vec::new() };
        Self { size: Size { height: 0, width: 0 }, waiting: Vec::new(), count: 0, rows }
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

    /// Puts what waits, `[N, 3, H, W]`, through `run`, which gives rows and their dims.
    pub(super) fn run(
        &mut self,
        run: impl FnOnce([usize; 4], Vec<f32>) -> Result<(Vec<f32>, usize), MetricError>,
    ) -> Result<(), MetricError> {
        if self.count == 0 {
            return Ok(());
        }
        let shape = [self.count, FramesU8::CHANNELS, self.size.height, self.size.width];
        let (values, dims) = run(shape, std::mem::take(&mut self.waiting))?;
        self.count = 0;
        self.rows.dims = dims;
        self.rows.values.extend(values);
        Ok(())
    }
}
