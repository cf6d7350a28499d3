//! Batches of records, in the format that Kafka uses since version 0.11.

use super::compression::decompressed;
use super::fields::{Request, Response, write_varint};

/// The bytes of a batch before those that its checksum covers: base offset, length, epoch of the leader, format, checksum.
const CHECKSUM_END: usize = 8 + 4 + 4 + 1 + 4;

/// The number of the format.
const FORMAT: i8 = 2;

/// The bits of the attributes with the compression.
const COMPRESSION: i16 = 0b111;

/// The bit of the attributes that marks a batch of a transaction.
const TRANSACTIONAL: i16 = 1 << 4;

/// The bit of the attributes that marks the end of a transaction instead of records.
const CONTROL: i16 = 1 << 5;

/// A record without its place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct RecordContent {
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, String)>,
}

/// A record that was read from a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LogRecord {
    pub(super) offset: i64,
    pub(super) content: RecordContent,
}

/// A transaction that was aborted: the records of this producer, from this offset to the end of the transaction, do not count.
#[derive(Debug, Clone, Copy)]
pub(super) struct AbortedTransaction {
    pub(super) producer: i64,
    pub(super) first_offset: i64,
}

/// The records that a broker has returned.
#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct Batches {
    /// The records, without those of aborted transactions.
    pub(super) records: Vec<LogRecord>,
    /// The offset after the last complete batch, or `None` if there is none.
    pub(super) next_offset: Option<i64>,
}

/// A batch with one record.
pub(super) fn encode(record: &RecordContent, timestamp: i64) -> Vec<u8> {
    let mut body = vec![0];
    write_varint(&mut body, 0);
    write_varint(&mut body, 0);
    write_bytes(&mut body, record.key.as_deref());
    write_bytes(&mut body, record.value.as_deref());
    write_length(&mut body, record.headers.len());
    for (name, value) in &record.headers {
        write_bytes(&mut body, Some(name.as_bytes()));
        write_bytes(&mut body, Some(value.as_bytes()));
    }
    let mut records = Vec::with_capacity(body.len() + 5);
    write_length(&mut records, body.len());
    records.append(&mut body);
    // Attributes, the offset of the last record, the timestamps of the first and the last record, no producer, and the number of records.
    let covered = Request::default().i16(0).i32(0).i64(timestamp).i64(timestamp).i64(-1).i16(-1).i32(-1).i32(1);
    let covered = [covered.into_bytes(), records].concat();
    let length = i32::try_from(covered.len() + CHECKSUM_END - 12).unwrap_or(i32::MAX);
    let head = Request::default().i64(0).i32(length).i32(-1).i8(FORMAT).i32(crc32c(&covered).cast_signed());
    [head.into_bytes(), covered].concat()
}

/// Reads the complete batches in some bytes, of which the last one may be cut.
///
/// # Errors
///
/// The reason why a batch cannot be read.
pub(super) fn decode(bytes: &[u8], aborted: &[AbortedTransaction]) -> Result<Batches, String> {
    let mut batches = Batches::default();
    let mut later = aborted.to_vec();
    // The producers whose transaction at the present position of the log was aborted.
    let mut aborting: Vec<i64> = Vec::new();
    let mut rest = Response::new(bytes);
    while let Some((base_offset, batch)) = next_batch(&mut rest) {
        let batch = Batch::read(base_offset, batch)?;
        // A transaction may have begun before the first batch.
        let begun = later.extract_if(.., |transaction| transaction.first_offset <= batch.last_offset);
        aborting.extend(begun.map(|transaction| transaction.producer));
        batches.next_offset = Some(batch.last_offset + 1);
        if batch.attributes & CONTROL != 0 {
            aborting.retain(|producer| *producer != batch.producer);
        } else if batch.attributes & TRANSACTIONAL == 0 || !aborting.contains(&batch.producer) {
            batches.records.append(&mut batch.records()?);
        }
    }
    Ok(batches)
}

/// The base offset of the next batch, and what follows its length.
fn next_batch<'b>(rest: &mut Response<'b>) -> Option<(i64, &'b [u8])> {
    let base_offset = rest.i64()?;
    rest.bytes().map(|batch| (base_offset, batch))
}

/// The head of a batch, and its records, which may be compressed.
struct Batch<'b> {
    base_offset: i64,
    last_offset: i64,
    attributes: i16,
    producer: i64,
    count: i32,
    records: &'b [u8],
}

impl<'b> Batch<'b> {
    fn read(base_offset: i64, bytes: &'b [u8]) -> Result<Self, String> {
        let mut fields = Response::new(bytes);
        let (_epoch, format) = (fields.i32(), fields.i8());
        if format.is_some_and(|format| format != FORMAT) {
            return Err("a record has the format of Kafka before 0.11, which itest does not read".to_owned());
        }
        let mut read = || {
            let (_checksum, attributes, last) = (fields.i32()?, fields.i16()?, fields.i32()?);
            let (_first_timestamp, _last_timestamp) = (fields.i64()?, fields.i64()?);
            let (producer, _epoch, _sequence, count) = (fields.i64()?, fields.i16()?, fields.i32()?, fields.i32()?);
            let last_offset = base_offset + i64::from(last);
            Some(Self { base_offset, last_offset, attributes, producer, count, records: fields.rest() })
        };
        read().ok_or_else(|| "a batch of records is incomplete".to_owned())
    }

    fn records(&self) -> Result<Vec<LogRecord>, String> {
        let records = decompressed(self.attributes & COMPRESSION, self.records)?;
        let mut fields = Response::new(&records);
        let all: Option<Vec<_>> = (0..self.count).map(|_| self.record(&mut fields)).collect();
        all.ok_or_else(|| "a batch of records is incomplete".to_owned())
    }

    fn record(&self, batch: &mut Response<'_>) -> Option<LogRecord> {
        let mut fields = Response::new(batch.varint_bytes()?.bytes()?);
        let (_attributes, _timestamp) = (fields.i8()?, fields.varint()?);
        let offset = self.base_offset + fields.varint()?;
        let (key, value) = (fields.varint_bytes()?.owned(), fields.varint_bytes()?.owned());
        let header = |fields: &mut Response<'_>| Some((fields.varint_bytes()?.text(), fields.varint_bytes()?.text()));
        let headers: Option<Vec<_>> = (0..fields.varint()?).map(|_| header(&mut fields)).collect();
        Some(LogRecord { offset, content: RecordContent { key, value, headers: headers? } })
    }
}

fn write_length(bytes: &mut Vec<u8>, length: usize) {
    write_varint(bytes, i64::try_from(length).unwrap_or(i64::MAX));
}

/// Appends bytes after their length, or null.
fn write_bytes(to: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => write_varint(to, -1),
        Some(bytes) => {
            write_length(to, bytes.len());
            to.extend_from_slice(bytes);
        }
    }
}

/// The checksum CRC-32C (Castagnoli).
fn crc32c(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    !bytes.iter().fold(!0, |checksum, byte| {
        (0..8).fold(checksum ^ u32::from(*byte), |checksum, _| {
            (checksum >> 1) ^ (POLYNOMIAL & 0_u32.wrapping_sub(checksum & 1))
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(key: Option<&str>, value: Option<&str>) -> RecordContent {
        let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
        RecordContent { key: bytes(key), value: bytes(value), headers: vec![("trace".to_owned(), "7".to_owned())] }
    }

    /// A batch with these attributes, of this producer, at this offset.
    fn batch(attributes: i16, producer: i64, base_offset: i64) -> Vec<u8> {
        let mut batch = encode(&record(Some("k"), Some("v")), 1);
        batch[..8].copy_from_slice(&base_offset.to_be_bytes());
        batch[21..23].copy_from_slice(&attributes.to_be_bytes());
        batch[43..51].copy_from_slice(&producer.to_be_bytes());
        batch
    }

    fn offsets(bytes: &[u8], aborted: &[AbortedTransaction]) -> Vec<i64> {
        decode(bytes, aborted).unwrap().records.iter().map(|record| record.offset).collect()
    }

    #[test]
    fn checksum_is_that_of_the_standard() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn record_is_read_as_it_was_written() {
        for content in [record(Some("7"), Some("{}")), record(None, Some("")), record(Some("7"), None)] {
            let batches = decode(&encode(&content, 1), &[]).unwrap();
            assert_eq!(batches, Batches { records: vec![LogRecord { offset: 0, content }], next_offset: Some(1) });
        }
    }

    #[test]
    fn batch_that_is_cut_is_read_later() {
        let bytes = [batch(0, -1, 4), batch(0, -1, 5)].concat();
        for end in 0..bytes.len() {
            let batches = decode(&bytes[..end], &[]).unwrap();
            assert_eq!(batches.next_offset, (end >= bytes.len() / 2).then_some(5), "{end}");
        }
    }

    #[test]
    fn records_of_an_aborted_transaction_do_not_count() {
        let (first, second, end) = (TRANSACTIONAL, TRANSACTIONAL, TRANSACTIONAL | CONTROL);
        let log = [
            batch(0, -1, 0),
            batch(first, 1, 1),
            batch(second, 2, 2),
            batch(end, 1, 3),
            batch(first, 1, 4),
            batch(end, 2, 5),
            batch(end, 1, 6),
        ];
        let aborted = [AbortedTransaction { producer: 1, first_offset: 1 }];
        assert_eq!(offsets(&log.concat(), &aborted), [0, 2, 4]);
        assert_eq!(offsets(&log.concat(), &[]), [0, 1, 2, 4]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, flipped in 0_usize..60) {
            let _ = decode(&bytes, &[]);
            let mut batch = encode(&record(Some("k"), Some("v")), 1);
            batch[flipped] ^= 0x55;
            let _ = decode(&batch, &[]);
        }
    }
}
