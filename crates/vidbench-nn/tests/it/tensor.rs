use proptest::prelude::*;
use vidbench_nn::{DType, Tensor};

#[test]
fn data_must_fill_the_shape() {
    let error = Tensor::f32([2, 3], vec![0.0; 5]).unwrap_err();
    assert_eq!(error.to_string(), "5 elements do not fill a tensor of shape [2, 3]");
    assert!(Tensor::i64([1 << 40, 1 << 40], vec![]).is_err(), "a product that wraps around is no length");
}

#[test]
fn a_scalar_has_one_element_and_an_empty_axis_none() {
    assert_eq!(Tensor::f32([], vec![1.5]).unwrap().as_f32().unwrap(), [1.5]);
    assert_eq!(Tensor::i64([3, 0], vec![]).unwrap().shape(), [3, 0]);
}

#[test]
fn a_tensor_is_read_as_what_it_holds() {
    let tensor = Tensor::i64([2], vec![1, -1]).unwrap();
    assert_eq!(tensor.dtype(), DType::I64);
    assert_eq!(tensor.as_i64().unwrap(), [1, -1]);
    assert_eq!(tensor.as_f32().unwrap_err().to_string(), "tensor holds i64, not f32");
    assert_eq!(format!("{tensor:?}"), "Tensor(i64 [2])");
}

proptest! {
    #[test]
    fn a_tensor_keeps_its_data(shape in prop::collection::vec(0_usize..5, 0..4)) {
        let data: Vec<f32> = (0..shape.iter().product()).map(|i: usize| i as f32).collect();
        let tensor = Tensor::f32(shape.clone(), data.clone()).unwrap();
        prop_assert_eq!(tensor.shape(), shape);
        prop_assert_eq!(tensor.as_f32().unwrap(), data.as_slice());
    }
}
