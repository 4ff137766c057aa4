//! The graphs of the metric nets. They ship with vidbench; their weights do not.

use std::io::Read as _;

use flate2::read::GzDecoder;
use prost::Message as _;
use tract_onnx::pb::{ModelProto, TensorProto, tensor_proto::DataLocation};
use vidbench_core::sha256_hex;

use super::shipped::{SHIPPED, find};
use super::{NetError, WeightsFile};

/// Tensors of a checkpoint that are in no graph, because they are processed before they become an input, or are
/// subtracted from one: net, name, shape.
const HOST_TENSORS: &[(&str, &str, &[usize])] =
    &[("c3d-ucf101", "mean", &[3, 16, 112, 112]), ("dino-vitb16", "pos_embed", &[1, 197, 768])];

/// Tensors of a checkpoint that are larger than needed: net, name, and the first row and column that are used. TGAN v2
/// uses rows and columns 8 to 120 of the mean of the videos that C3D was trained on (`c3d_ucf101.py`).
const CUT_OUT: &[(&str, &str, usize)] = &[("c3d-ucf101", "mean", 8)];

/// A graph whose weights have names and shapes, but no values.
#[derive(Debug, Clone)]
pub struct Skeleton {
    name: &'static str,
    graph: ModelProto,
    tensors: Vec<TensorSpec>,
    sha256: String,
}

/// Name and shape of a tensor of weights, 32-bit floats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Name, as in the authors' checkpoint.
    pub name: String,
    /// Extent of each axis.
    pub shape: Vec<usize>,
}

impl TensorSpec {
    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Skeleton {
    /// Every net there is, sorted.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|net| net.name)
    }

    /// The graph of a net.
    ///
    /// # Errors
    ///
    /// [`NetError::Unknown`].
    pub fn of(name: &str) -> Result<Self, NetError> {
        let net = find(name).ok_or_else(|| NetError::Unknown { name: name.to_owned() })?;
        let name = net.name;
        let mut bytes = Vec::new();
        GzDecoder::new(net.skeleton)
            .read_to_end(&mut bytes)
            .map_err(|error| NetError::shipped(name, error))?;
        let graph = ModelProto::decode(&*bytes).map_err(|error| NetError::shipped(name, error))?;
        let tensors = graph.graph.iter().flat_map(|graph| &graph.initializer);
        let tensors = tensors.filter(|tensor| is_external(tensor)).map(spec);
        let of_host = HOST_TENSORS.iter().filter(|(net, ..)| *net == name);
        let of_host =
            of_host.map(|(_, name, shape)| TensorSpec { name: (*name).into(), shape: shape.to_vec() });
        let tensors = tensors.chain(of_host).collect();
        Ok(Self { name, graph, tensors, sha256: sha256_hex(&bytes) })
    }

    /// Name of the net.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The tensors that its weights must have; those that are in no graph come last.
    pub fn tensors(&self) -> &[TensorSpec] {
        &self.tensors
    }

    /// The first row and column to use of a tensor of its checkpoint, if that tensor may be larger than needed.
    pub(crate) fn cut_out(&self, tensor: &str) -> Option<usize> {
        let mine = CUT_OUT.iter().find(|(net, name, _)| *net == self.name && *name == tensor);
        mine.map(|(_, _, first)| *first)
    }

    /// Hash of the graph, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The graph, with `bind` applied to each tensor of weights.
    pub(crate) fn bound<E>(
        &self,
        mut bind: impl FnMut(&TensorSpec, &mut TensorProto) -> Result<(), E>,
    ) -> Result<ModelProto, E> {
        let mut graph = self.graph.clone();
        let tensors = graph.graph.iter_mut().flat_map(|graph| &mut graph.initializer);
        for (proto, spec) in tensors.filter(|tensor| is_external(tensor)).zip(&self.tensors) {
            bind(spec, proto)?;
        }
        Ok(graph)
    }

    /// The graph with its weights inside it.
    pub(crate) fn with_weights(&self, weights: &WeightsFile) -> Result<ModelProto, NetError> {
        let mut places = weights.places().iter();
        self.bound(|_, tensor| {
            let bytes = places.next().map(|place| weights.read(*place)).transpose()?;
            fill(tensor, bytes.unwrap_or_default());
            Ok(())
        })
    }
}

/// The tensor with its data inside.
fn fill(tensor: &mut TensorProto, bytes: Vec<u8>) {
    tensor.data_location = None;
    tensor.external_data.clear();
    tensor.raw_data = bytes;
}

fn is_external(tensor: &TensorProto) -> bool {
    tensor.data_location == Some(DataLocation::External as i32)
}

fn spec(tensor: &TensorProto) -> TensorSpec {
    let shape = tensor.dims.iter().map(|extent| usize::try_from(*extent).unwrap_or(0)).collect();
    TensorSpec { name: tensor.name.clone(), shape }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_graph_that_ships_can_be_read_and_has_weights() {
        for name in Skeleton::names() {
            let skeleton = Skeleton::of(name).unwrap();
            assert!(!skeleton.tensors().is_empty(), "{name}");
            assert!(skeleton.tensors().iter().all(|tensor| tensor.elements() > 0), "{name}");
        }
        assert!(Skeleton::names().is_sorted());
    }

    #[test]
    fn weights_have_the_names_of_their_checkpoint() {
        let shape = |net: &str, tensor: &str| {
            let skeleton = Skeleton::of(net).unwrap();
            skeleton.tensors().iter().find(|spec| spec.name == tensor).map(|spec| spec.shape.clone())
        };
        assert_eq!(shape("i3d-400", "Conv3d_1a_7x7.conv3d.weight"), Some(vec![64, 3, 7, 7, 7]));
        assert_eq!(shape("clip-vit-b32-vision", "visual.proj"), Some(vec![768, 512]));
        assert_eq!(shape("lpips-alex", "lin0.model.1.weight"), Some(vec![1, 64, 1, 1]));
    }
}
