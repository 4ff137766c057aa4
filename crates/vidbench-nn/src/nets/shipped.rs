//! What ships with vidbench for each net: everything but its weights.

/// What ships for one net.
pub(super) struct Shipped {
    pub(super) name: &'static str,
    /// Its graph, compressed.
    pub(super) skeleton: &'static [u8],
    /// What PyTorch computes with it and random weights, as JSON.
    pub(super) golden: &'static str,
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(Shipped {
            name: $name,
            skeleton: include_bytes!(concat!("../../../../nets/skeletons/", $name, ".onnx.gz")),
            golden: include_str!(concat!("../../../../nets/goldens/", $name, ".json")),
        }),*]
    };
}

/// Every net, sorted by name.
pub(super) const SHIPPED: &[Shipped] = shipped![
    "aesthetic-head",
    "amt-s",
    "c3d-ucf101",
    "clip-vit-b32-text",
    "clip-vit-b32-vision",
    "clip-vit-l14-vision",
    "dino-vitb16",
    "i3d-400",
    "i3d-styleganv",
    "inception-fid",
    "lpips-alex",
    "lpips-squeeze",
    "lpips-vgg",
    "musiq-spaq",
    "raft",
    "umt-l16",
    "viclip-l-text",
    "viclip-l-vision",
    "videomae-g",
];

/// What ships for the net of that name.
pub(super) fn find(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|net| net.name == name)
}
