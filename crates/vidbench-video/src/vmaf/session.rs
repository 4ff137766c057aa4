//! One clip and its reference, compared by libvmaf.
#![expect(unsafe_code, reason = "calls libvmaf")]

use std::ffi::{c_int, c_uint};
use std::mem::ManuallyDrop;
use std::ptr;

use vidbench_core::Plane;

use super::VmafError;
use super::library::{Configuration, Context, Library, Model, ModelConfig, Picture, library};

/// The model, as libvmaf names the one that is built in.
const MODEL: &std::ffi::CStr = c"vmaf_v0.6.1";
/// `VMAF_PIX_FMT_YUV400P`: the model looks at luma alone, so chroma is not handed over.
const GREY: c_uint = 4;
/// `VMAF_POOL_METHOD_MEAN`.
const MEAN: c_uint = 3;

/// Width, height and bits of a sample.
type Shape = (usize, usize, u8);

/// VMAF of a clip and its reference, being computed.
#[derive(Debug)]
pub struct Vmaf {
    library: &'static Library,
    context: *mut Context,
    model: *mut Model,
    frames: c_uint,
    /// Shape of the frames so far.
    shape: Option<Shape>,
}

/// What libvmaf gave.
#[derive(Debug, Clone, PartialEq)]
pub struct VmafScores {
    /// Mean over frames, [0, 100].
    pub mean: f64,
    /// Frame by frame, [0, 100].
    pub frames: Vec<f64>,
}

impl Vmaf {
    /// Least width and height. libvmaf reads past the end of pictures of 32 columns or 16 rows (3.2.0 under
    /// AddressSanitizer), and crashes on smaller ones; twice that leaves room for its code for wide registers.
    pub const LEAST_SIDE: usize = 64;

    /// Begins a comparison with the model `vmaf_v0.6.1`. libvmaf uses only the calling thread.
    ///
    /// # Errors
    ///
    /// When libvmaf is not there, or refuses.
    pub fn new() -> Result<Self, VmafError> {
        let library = library()?;
        let (context, model) = (ptr::null_mut(), ptr::null_mut());
        let mut vmaf = Self { library, context, model, frames: 0, shape: None };
        // No log, no threads, every frame, every instruction set there is.
        let configuration =
            Configuration { log_level: 0, n_threads: 0, n_subsample: 0, cpumask: 0, gpumask: 0 };
        // SAFETY: libvmaf writes a pointer that is its own; on failure it is not used.
        check("begin", unsafe { (library.init)(&mut vmaf.context, configuration) })
            .inspect_err(|_| vmaf.context = ptr::null_mut())?;
        let mut config = ModelConfig { name: ptr::null(), flags: 0 };
        // SAFETY: the name is a C string, the rest is ours; on failure the pointer is not used.
        check("load the model", unsafe {
            (library.model_load)(&mut vmaf.model, &mut config, MODEL.as_ptr())
        })
        .inspect_err(|_| vmaf.model = ptr::null_mut())?;
        // SAFETY: both were made above and live until `vmaf` is dropped.
        check("use the model", unsafe { (library.use_features)(vmaf.context, vmaf.model) })?;
        Ok(vmaf)
    }

    /// Takes the luma of the next frame of both.
    ///
    /// # Errors
    ///
    /// Samples or sizes that libvmaf does not take, and planes that differ in size.
    pub fn push(
        &mut self,
        reference: &Plane<'_>,
        sample: &Plane<'_>,
        bit_depth: u8,
    ) -> Result<(), VmafError> {
        let shape = shape(sample, bit_depth)?;
        let same = (reference.width, reference.height) == (sample.width, sample.height);
        if !same || *self.shape.get_or_insert(shape) != shape {
            return Err(VmafError::Differs { frame: self.frames });
        }
        let (reference, sample) =
            (Owned::new(self.library, reference, bit_depth)?, Owned::new(self.library, sample, bit_depth)?);
        let (mut reference, mut sample) = (reference.give(), sample.give());
        // SAFETY: the context lives, and libvmaf takes over both pictures. They are not touched again, whatever the
        // call returns: after an error some versions have freed them and some have not, and a leak is the lesser evil.
        check("read a frame", unsafe {
            (self.library.read_pictures)(self.context, &mut reference, &mut sample, self.frames)
        })?;
        self.frames += 1;
        Ok(())
    }

    /// The scores of the frames that were pushed.
    ///
    /// # Errors
    ///
    /// When there was no frame, or libvmaf refuses.
    pub fn finish(self) -> Result<VmafScores, VmafError> {
        let last = self.frames.checked_sub(1).ok_or(VmafError::NoFrames)?;
        let Self { library, context, model, .. } = self;
        // SAFETY: the context lives; two null pointers are how its header says that there are no more frames.
        check("end", unsafe { (library.read_pictures)(context, ptr::null_mut(), ptr::null_mut(), 0) })?;
        let frames = (0..=last).map(|frame| {
            let mut score = 0.0;
            // SAFETY: context and model live, and the frame is one that was read.
            check("score a frame", unsafe { (library.score_at)(context, model, &mut score, frame) })?;
            Ok(score)
        });
        let frames = frames.collect::<Result<Vec<f64>, VmafError>>()?;
        let mut mean = 0.0;
        // SAFETY: as above.
        check("score the clip", unsafe { (library.score_pooled)(context, model, MEAN, &mut mean, 0, last) })?;
        Ok(VmafScores { mean, frames })
    }
}

impl Drop for Vmaf {
    fn drop(&mut self) {
        // SAFETY: each pointer is null or came from libvmaf and is not used after this. The context goes first, because it
        // uses what belongs to the model.
        unsafe {
            if !self.context.is_null() {
                (self.library.close)(self.context);
            }
            if !self.model.is_null() {
                (self.library.model_destroy)(self.model);
            }
        }
    }
}

/// The shape of a plane that libvmaf takes.
pub(super) fn shape(plane: &Plane<'_>, bit_depth: u8) -> Result<Shape, VmafError> {
    let (width, height, needed) = (plane.width, plane.height, Vmaf::LEAST_SIDE);
    if !matches!(bit_depth, 8 | 10 | 12 | 16) {
        return Err(VmafError::BitDepth { bit_depth });
    }
    if width.min(height) < needed {
        return Err(VmafError::TooSmall { width, height, needed });
    }
    Ok((width, height, bit_depth))
}

/// A picture that libvmaf made, until it is given back.
struct Owned {
    library: &'static Library,
    picture: Picture,
}

impl Owned {
    fn new(library: &'static Library, plane: &Plane<'_>, bit_depth: u8) -> Result<Self, VmafError> {
        let mut picture = Picture::default();
        // The casts lose nothing: decoders stop far below 2^32 pixels a side.
        let (width, height) = (plane.width as c_uint, plane.height as c_uint);
        // SAFETY: the struct is at least as long as the one libvmaf writes.
        check("hold a frame", unsafe {
            (library.picture_alloc)(&mut picture, GREY, bit_depth.into(), width, height)
        })?;
        let mut owned = Self { library, picture };
        owned.fill(plane, plane.width * if bit_depth > 8 { 2 } else { 1 });
        Ok(owned)
    }

    /// Copies rows of `row_bytes`; on both sides, samples of two bytes have the least significant byte first.
    fn fill(&mut self, plane: &Plane<'_>, row_bytes: usize) {
        let lines = plane.bytes.chunks(plane.stride.max(1)).take(plane.height);
        for (y, line) in (0_isize..).zip(lines) {
            let len = row_bytes.min(line.len());
            // SAFETY: libvmaf made `plane.height` rows here, `stride` bytes apart and at least `row_bytes` long, because the
            // width and the bits of a sample are those of the plane; nothing else uses them yet.
            unsafe {
                let row = self.picture.data[0].cast::<u8>().offset(y * self.picture.stride[0]);
                ptr::copy_nonoverlapping(line.as_ptr(), row, len);
            }
        }
    }

    /// The picture, for a call that takes it over.
    fn give(self) -> Picture {
        let owned = ManuallyDrop::new(self);
        owned.picture
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: libvmaf made the picture and no call has taken it over.
        unsafe { (self.library.picture_unref)(&mut self.picture) };
    }
}

fn check(step: &'static str, code: c_int) -> Result<(), VmafError> {
    if code == 0 { Ok(()) } else { Err(VmafError::Call { step, code }) }
}
