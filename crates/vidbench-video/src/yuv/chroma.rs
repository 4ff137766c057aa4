//! Where chroma samples lie, and how they are brought to the luma grid.

/// Place of a halved chroma sample in its pair of luma columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Siting {
    pub(crate) horizontal: SitingH,
    pub(crate) vertical: SitingV,
}

/// Horizontal place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SitingH {
    Left,
    Centre,
}

/// Vertical place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SitingV {
    Top,
    Centre,
    Bottom,
}

impl Siting {
    /// By H.273's chroma sample location as libav numbers it; unspecified (and unknown) counts as left, the default of
    /// H.264 and H.265.
    pub(crate) fn from_tag(chroma_location: i32) -> Self {
        use {SitingH as H, SitingV as V};
        let (horizontal, vertical) = match chroma_location {
            2 => (H::Centre, V::Centre),
            3 => (H::Left, V::Top),
            4 => (H::Centre, V::Top),
            5 => (H::Left, V::Bottom),
            6 => (H::Centre, V::Bottom),
            _ => (H::Left, V::Centre),
        };
        Self { horizontal, vertical }
    }
}

/// The two chroma rows that give the chroma of luma row `y`, and their weights in quarters. Rows outside the plane
/// repeat its edge.
pub(crate) fn rows(y: usize, halved: bool, siting: SitingV, rows: usize) -> ([usize; 2], [u16; 2]) {
    if !halved {
        return ([y, y], [4, 0]);
    }
    let (here, last) = (y / 2, rows.saturating_sub(1));
    let (before, after) = (here.saturating_sub(1), (here + 1).min(last));
    match (siting, y % 2) {
        (SitingV::Centre, 0) => ([here, before], [3, 1]),
        (SitingV::Centre, _) => ([here, after], [3, 1]),
        (SitingV::Top, 0) | (SitingV::Bottom, 1) => ([here, here], [4, 0]),
        (SitingV::Top, _) => ([here, after], [2, 2]),
        (SitingV::Bottom, _) => ([here, before], [2, 2]),
    }
}

/// Widens a row of quarters to twice its length, in sixteenths. `padded` repeats the edge samples on both sides.
#[inline(always)]
pub(crate) fn widen(padded: &[u16], siting: SitingH, out: &mut [u16]) {
    let count = padded.len().saturating_sub(2);
    let (Some(before), Some(here), Some(after)) =
        (padded.get(..count), padded.get(1..=count), padded.get(2..))
    else {
        return;
    };
    let pairs = out.as_chunks_mut::<2>().0.iter_mut();
    match siting {
        SitingH::Left => pairs.zip(here).zip(after).for_each(|((pair, &here), &after)| {
            *pair = [here * 4, here * 2 + after * 2];
        }),
        SitingH::Centre => {
            pairs.zip(before).zip(here).zip(after).for_each(|(((pair, &before), &here), &after)| {
                *pair = [before + here * 3, here * 3 + after];
            });
        }
    }
}
