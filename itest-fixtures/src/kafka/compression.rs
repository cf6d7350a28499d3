//! The compression of batches of records. Clients choose it, and brokers pass the bytes on as they are.

use std::io::Read;

/// The most bytes of a batch after its decompression, so that a wrong length does not use up the memory.
const MAX_BYTES: u64 = 256 << 20;

/// The beginning of the bytes that Java's Snappy library writes: blocks follow, each after its length.
const SNAPPY_BLOCKS: &[u8] = b"\x82SNAPPY\0";

/// The head of these bytes, with two numbers of versions.
const SNAPPY_HEAD_BYTES: usize = 16;

/// The decompressed bytes. `compression` is its number in the attributes of the batch.
///
/// # Errors
///
/// The reason why the bytes cannot be decompressed.
pub(super) fn decompressed(compression: i16, bytes: &[u8]) -> Result<Vec<u8>, String> {
    match compression {
        0 => Ok(bytes.to_vec()),
        1 => read("gzip", flate2::read::MultiGzDecoder::new(bytes)),
        2 => snappy(bytes).ok_or_else(|| "a batch of records is no valid snappy".to_owned()),
        3 => read("lz4", lz4_flex::frame::FrameDecoder::new(bytes)),
        4 => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(bytes);
            read("zstd", decoder.map_err(|error| format!("a batch of records is no valid zstd: {error}"))?)
        }
        other => Err(format!("a batch of records has the unknown compression {other}")),
    }
}

fn read(name: &str, decoder: impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = decoder.take(MAX_BYTES).read_to_end(&mut bytes);
    read.map(|_| bytes).map_err(|error| format!("a batch of records is no valid {name}: {error}"))
}

fn snappy(bytes: &[u8]) -> Option<Vec<u8>> {
    let decompress = |block: &[u8]| snap::raw::Decoder::new().decompress_vec(block).ok();
    if !bytes.starts_with(SNAPPY_BLOCKS) {
        return decompress(bytes);
    }
    let (mut rest, mut all) = (bytes.get(SNAPPY_HEAD_BYTES..)?, Vec::new());
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let (block, behind) = behind.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        all.append(&mut decompress(block)?);
        rest = behind;
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snappy_is_read_with_and_without_blocks() {
        let compressed = snap::raw::Encoder::new().compress_vec(b"hello").unwrap();
        let length = u32::try_from(compressed.len()).unwrap().to_be_bytes();
        let blocks = [SNAPPY_BLOCKS, &[0; 8], &length, &compressed, &length, &compressed].concat();
        assert_eq!(decompressed(2, &compressed).unwrap(), b"hello");
        assert_eq!(decompressed(2, &blocks).unwrap(), b"hellohello");
    }

    #[test]
    fn each_compression_is_read() {
        use std::io::Write;

        let text = b"a text that is worth its compression ".repeat(9);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&text).unwrap();
        let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
        lz4.write_all(&text).unwrap();
        let zstd = ruzstd::encoding::compress_to_vec(&text[..], ruzstd::encoding::CompressionLevel::Fastest);
        for (compression, bytes) in
            [(0, text.clone()), (1, gzip.finish().unwrap()), (3, lz4.finish().unwrap()), (4, zstd)]
        {
            assert_eq!(decompressed(compression, &bytes).unwrap(), text, "{compression}");
        }
    }

    #[test]
    fn bytes_that_are_not_compressed_so_are_an_error() {
        for compression in 1..=5 {
            assert!(
                decompressed(compression, b"plain").unwrap_err().starts_with("a batch of records"),
                "{compression}"
            );
        }
    }
}
