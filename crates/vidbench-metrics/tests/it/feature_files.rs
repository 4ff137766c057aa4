use std::io::{Cursor, Write as _};

use expect_test::expect;
use vidbench_metrics::{FeatureFileError, FeatureFormat, FeatureMatrix, Precision, read_features};
use zip::write::{SimpleFileOptions, ZipWriter};

/// `(numpy.random.RandomState(3).randn(3, 4) * 2).astype("f4")`, which NumPy 2.4.6 and safetensors 0.8.0 wrote to the fixtures.
const EXPECTED: [f32; 12] = [
    3.577_257,
    0.873_019_7,
    0.192_994_94,
    -3.726_985_5,
    -0.554_776_43,
    -0.709_517_96,
    -0.165_482_97,
    -1.254_001_4,
    -0.087_636_34,
    -0.954_436_06,
    -2.627_729_4,
    1.769_244_8,
];
const EXPECTED_F16: [f32; 12] = [
    3.578_125,
    0.873_046_9,
    0.192_993_16,
    -3.726_562_5,
    -0.554_687_5,
    -0.709_472_66,
    -0.165_527_34,
    -1.253_906_2,
    -0.087_646_484,
    -0.954_589_84,
    -2.626_953_1,
    1.769_531_2,
];
const EXPECTED_BF16: [f32; 12] = [
    3.578_125,
    0.871_093_75,
    0.193_359_38,
    -3.734_375,
    -0.554_687_5,
    -0.710_937_5,
    -0.165_039_06,
    -1.257_812_5,
    -0.087_402_344,
    -0.953_125,
    -2.625,
    1.765_625,
];

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/");
    std::fs::read(format!("{folder}{name}")).unwrap()
}

fn read(name: &str, array: Option<&str>) -> Result<FeatureMatrix, FeatureFileError> {
    let extension = name.rsplit('.').next().unwrap();
    read_features(FeatureFormat::from_extension(extension).unwrap(), &fixture(name), array)
}

fn refusal(format: FeatureFormat, bytes: &[u8], array: Option<&str>) -> String {
    read_features(format, bytes, array).unwrap_err().to_string()
}

fn npy(bytes: &[u8]) -> String {
    refusal(FeatureFormat::Npy, bytes, None)
}

/// A `.npy` file with that header and that many zero bytes of data.
pub(crate) fn npy_file(descr: &str, shape: &str, data: usize) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

fn npz_file(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn safetensors_file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

fn assert_f32(matrix: &FeatureMatrix, expected: &[f32; 12]) {
    assert_eq!(matrix, &FeatureMatrix::f32(3, 4, expected.to_vec()).unwrap());
}

#[test]
fn numpys_files_of_every_order_and_type_are_read() {
    for name in ["f4_c.npy", "f4_fortran.npy"] {
        assert_f32(&read(name, None).unwrap(), &EXPECTED);
    }
    assert_f32(&read("f2.npy", None).unwrap(), &EXPECTED_F16);
    let big_endian = read("f8_big_endian.npy", None).unwrap();
    assert_eq!(big_endian.precision(), Precision::F64);
    assert_eq!(big_endian.to_f64(), EXPECTED.map(f64::from));
}

#[test]
fn archives_give_the_array_that_is_named_or_the_only_matrix() {
    assert_f32(&read("stored.npz", None).unwrap(), &EXPECTED);
    assert_f32(&read("deflated.npz", Some("features")).unwrap(), &EXPECTED);
    assert_eq!(read("deflated.npz", Some("reference")).unwrap().count(), 2);
    let error = read("deflated.npz", None).unwrap_err();
    expect![[r#"several arrays are matrices: "features" (3, 4), "reference" (2, 4)"#]]
        .assert_eq(&error.to_string());
    assert_eq!(error.hints(), ["name one of the arrays"]);
    let error = read("stored.npz", Some("feature")).unwrap_err();
    expect![[r#"there is no array "feature"; the arrays are "features" (3, 4), "labels" (3,)"#]]
        .assert_eq(&error.to_string());
}

#[test]
fn tensors_of_every_float_are_read() {
    assert_f32(&read("f32.safetensors", None).unwrap(), &EXPECTED);
    let several = |name| read("several.safetensors", Some(name)).unwrap();
    assert_f32(&several("f16"), &EXPECTED_F16);
    assert_f32(&several("bf16"), &EXPECTED_BF16);
    assert_eq!(several("f64").to_f64(), EXPECTED.map(f64::from));
    let error = read("several.safetensors", None).unwrap_err();
    expect![[r#"several arrays are matrices: "bf16" (3, 4), "f16" (3, 4), "f64" (3, 4)"#]]
        .assert_eq(&error.to_string().replace(", \"ids\" (3,)", ""));
    let error = read("several.safetensors", Some("ids")).unwrap_err();
    expect!["array ids has type I64; only 16, 32 and 64-bit floats are supported"]
        .assert_eq(&error.to_string());
}

#[test]
fn what_is_no_matrix_of_floats_is_refused_by_name() {
    let refusal = |name| read(name, None).unwrap_err().to_string();
    expect!["array in the file has type <i4; only 16, 32 and 64-bit floats are supported"]
        .assert_eq(&refusal("i4.npy"));
    expect!["array in the file holds pickled objects, which are never read"]
        .assert_eq(&refusal("object.npy"));
    expect!["array in the file has type a structure; only 16, 32 and 64-bit floats are supported"]
        .assert_eq(&refusal("structured.npy"));
    expect![
        "array in the file has shape (4,); expected a matrix with a row per clip and a column per feature"
    ]
    .assert_eq(&refusal("one_dimension.npy"));
    expect!["array in the file has shape (2, 3, 4); expected a matrix with a row per clip and a column per feature"]
        .assert_eq(&refusal("three_dimensions.npy"));
    expect!["array in the file has NaN at row 1, column 2 (counted from 0)"].assert_eq(&refusal("nan.npy"));
    let shape = |shape| npy(&npy_file("<f4", shape, 0));
    assert!(shape("(0, 4)").contains("has shape (0, 4); expected a matrix"));
    assert!(shape("()").contains("has shape (); expected a matrix"));
    let error = read("f4_c.npy", Some("features")).unwrap_err();
    expect![[r#"there is no array "features"; the arrays are one without a name, as in every .npy file"#]]
        .assert_eq(&error.to_string());
}

#[test]
fn one_row_is_read_and_wide_rows_are_not() {
    let one = npy_file("<f8", "(1, 3)", 24);
    assert_eq!(read_features(FeatureFormat::Npy, &one, None).unwrap().count(), 1);
    let wide = npy_file("<f2", "(1, 5000)", 10_000);
    expect!["array in the file: features have 5000 dimensions, 1 to 4096 are supported"]
        .assert_eq(&npy(&wide));
}

#[test]
fn claims_that_the_bytes_do_not_bear_out_cost_nothing() {
    expect!["array in the file has 8 bytes of data, but its shape and type need 48"]
        .assert_eq(&npy(&npy_file("<f4", "(3, 4)", 8)));
    expect!["array in the file has 49 bytes of data, but its shape and type need 48"]
        .assert_eq(&npy(&npy_file("<f4", "(3, 4)", 49)));
    expect!["array in the file has 8 bytes of data, but its shape and type need 35184372088832"]
        .assert_eq(&npy(&npy_file("<f4", "(4294967296, 2048)", 8)));
    expect!["array in the file has 8 bytes of data, but its shape and type need more than 2^64"]
        .assert_eq(&npy(&npy_file("<f4", "(18446744073709551615, 2)", 8)));
    let mut long = b"\x93NUMPY\x02\x00".to_vec();
    long.extend(u32::MAX.to_le_bytes());
    expect!["not a valid npy file: a header of 4294967295 bytes, the limit is 10000"].assert_eq(&npy(&long));
}

#[test]
fn every_truncation_of_every_file_is_an_error() {
    let files = ["f4_c.npy", "f8_big_endian.npy", "stored.npz", "deflated.npz", "f32.safetensors"];
    for name in files {
        let bytes = fixture(name);
        let format = FeatureFormat::from_extension(name.rsplit('.').next().unwrap()).unwrap();
        for length in 0..bytes.len() {
            assert!(read_features(format, &bytes[..length], Some("features")).is_err(), "{name} {length}");
            assert!(read_features(format, &bytes[..length], None).is_err(), "{name} {length}");
        }
    }
}

#[test]
fn other_files_are_not_taken_for_features() {
    expect!["not a valid npy file: it does not begin with NumPy's magic string"].assert_eq(&npy(b"text"));
    expect!["not a valid npy file: version 9.0 is unknown, 1.0 to 3.0 are supported"]
        .assert_eq(&npy(b"\x93NUMPY\x09\x00abc"));
    assert!(refusal(FeatureFormat::Npz, b"text", None).starts_with("not a valid npz file: "));
    assert!(refusal(FeatureFormat::Safetensors, b"text", None).starts_with("not a valid safetensors file: "));
    assert_eq!(FeatureFormat::from_extension("NPZ"), Some(FeatureFormat::Npz));
    assert_eq!(FeatureFormat::from_extension("csv"), None);
}

/// Ten million zeros deflate to ten thousand bytes; a header that claims three numbers stops the reading there.
#[test]
fn a_bomb_is_read_no_further_than_its_header_says() {
    let bomb = npz_file(&[("bomb.npy", &npy_file("<f4", "(1, 3)", 10_000_000))]);
    assert!(bomb.len() < 20_000);
    expect!["array bomb has 13 bytes of data, but its shape and type need 12"].assert_eq(&refusal(
        FeatureFormat::Npz,
        &bomb,
        None,
    ));
    let claim = npz_file(&[("claim.npy", &npy_file("<f4", "(1048576, 2048)", 1000))]);
    expect!["array claim has 8589934592 bytes, the limit is 2147483648"].assert_eq(&refusal(
        FeatureFormat::Npz,
        &claim,
        None,
    ));
}

#[test]
fn an_archive_without_a_matrix_and_one_of_many_files_are_named() {
    let other = npz_file(&[("readme.txt", b"hello"), ("labels.npy", &npy_file("<i8", "(3,)", 24))]);
    expect![[r#"no array is a matrix; the arrays are "labels" (3,), "readme.txt" ()"#]].assert_eq(&refusal(
        FeatureFormat::Npz,
        &other,
        None,
    ));
    let names: Vec<String> = (0..1001).map(|i| format!("{i}.npy")).collect();
    let many = npz_file(&names.iter().map(|name| (name.as_str(), &b""[..])).collect::<Vec<_>>());
    expect!["not a valid npz file: 1001 files in the archive, the limit is 1000"].assert_eq(&refusal(
        FeatureFormat::Npz,
        &many,
        None,
    ));
}

#[test]
fn damage_in_an_archive_is_the_reason() {
    let mut bytes = npz_file(&[("a.npy", &npy_file("<f4", "(2, 3)", 24))]);
    // The checksum in the central directory (APPNOTE 4.3.12).
    let directory = bytes.windows(4).position(|word| word == b"PK\x01\x02").unwrap();
    let crc = directory + 16;
    bytes[crc] ^= 1;
    for array in [None, Some("a")] {
        let refused = refusal(FeatureFormat::Npz, &bytes, array);
        assert!(refused.starts_with("not a valid npz file: "), "{refused}");
        assert!(refused.contains("Invalid checksum"), "{refused}");
    }
}

#[test]
fn tensors_whose_offsets_lie_are_refused() {
    let tensor = |shape: &str, offsets: &str, data| {
        let header = format!("{{\"a\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":{offsets}}}}}");
        refusal(FeatureFormat::Safetensors, &safetensors_file(&header, data), None)
    };
    for (shape, offsets) in [
        ("[2,2]", "[0,15]"),
        ("[2,2]", "[4,20]"),
        ("[2,2]", "[16,0]"),
        ("[4294967296,4294967296]", "[0,16]"),
        ("[2,2]", "[0,18446744073709551600]"),
        ("[2305843009213693951,1]", "[0,9223372036854775804]"),
    ] {
        let error = tensor(shape, offsets, 16);
        assert!(error.starts_with("not a valid safetensors file: "), "{shape} {offsets}: {error}");
    }
    let huge = safetensors_file("{}", 0);
    assert!(refusal(FeatureFormat::Safetensors, &huge, None).starts_with("no array is a matrix"));
}
