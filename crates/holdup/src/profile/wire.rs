//! The wire format of protocol buffers, only as far as to tell beforehand what
//! a message will cost to decode.
//!
//! A few bytes on the wire can become hundreds in memory: an empty message
//! takes two bytes, a number in a packed list one. So the bytes are walked
//! here first, without allocating anything, and decoded only if what they
//! turn into stays below a limit.

use super::proto;

/// Why bytes are not the message they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// They end within a field.
    Truncated,
    /// A number or a tag that the format does not have.
    Malformed,
    /// They decode to more than the limit.
    TooLarge,
}

/// The content of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// Four or eight bytes, which no field of a profile has.
    Fixed,
}

/// The fields of a message, in order: number and content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Result<u64, Fault> {
        let mut number = 0;
        for shift in (0..70).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(Fault::Truncated)?;
            self.0 = rest;
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 {
                return Err(Fault::Malformed);
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Fault::Malformed)
    }

    fn bytes(&mut self, length: u64) -> Result<&'a [u8], Fault> {
        let length = usize::try_from(length).map_err(|_| Fault::Truncated)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Fault::Truncated)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), Fault> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => self.bytes(8).map(|_| Value::Fixed)?,
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.bytes(length)?)
            }
            5 => self.bytes(4).map(|_| Value::Fixed)?,
            // Groups went out of use long before profiles came.
            _ => return Err(Fault::Malformed),
        };
        if tag >> 3 == 0 || tag > u64::from(u32::MAX) {
            return Err(Fault::Malformed);
        }
        Ok((tag >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// How much more may be allocated, in bytes.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new(bytes: usize) -> Budget {
        Budget(bytes)
    }

    /// Takes `bytes` away.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Fault> {
        self.0 = self.0.checked_sub(bytes).ok_or(Fault::TooLarge)?;
        Ok(())
    }

    /// Takes what elements of a growing list cost: up to twice their size.
    fn elements<T>(&mut self, count: usize) -> Result<(), Fault> {
        self.take(count.saturating_mul(2 * size_of::<T>()))
    }

    /// Takes a list of numbers: one of them, or many packed.
    fn numbers(&mut self, value: Value<'_>) -> Result<(), Fault> {
        match value {
            // Each number ends with a byte that has no high bit.
            Value::Bytes(packed) => {
                self.elements::<u64>(packed.iter().filter(|&&byte| byte < 0x80).count())
            }
            _ => self.elements::<u64>(1),
        }
    }
}

/// Whether the bytes got as far as to look like a profile: whether they name a
/// type of value, which every profile begins with.
pub(super) fn looks_like_a_profile(bytes: &[u8]) -> bool {
    Fields(bytes)
        .map_while(Result::ok)
        .any(|(tag, value)| matches!((tag, value), (1 | 11, Value::Bytes(_))))
}

/// Walks a profile and takes what decoding it will allocate from `budget`.
pub(super) fn price(bytes: &[u8], budget: &mut Budget) -> Result<(), Fault> {
    for field in Fields(bytes) {
        match field? {
            (1, _) => budget.elements::<proto::ValueType>(1)?,
            (2, Value::Bytes(sample)) => {
                budget.elements::<proto::Sample>(1)?;
                for field in Fields(sample) {
                    match field? {
                        (1 | 2, value) => budget.numbers(value)?,
                        (3, _) => budget.elements::<proto::Label>(1)?,
                        _ => {}
                    }
                }
            }
            (3, _) => budget.elements::<proto::Mapping>(1)?,
            (4, Value::Bytes(location)) => {
                budget.elements::<proto::Location>(1)?;
                for field in Fields(location) {
                    if field?.0 == 4 {
                        budget.elements::<proto::Line>(1)?;
                    }
                }
            }
            (5, _) => budget.elements::<proto::Function>(1)?,
            (6, Value::Bytes(text)) => {
                budget.elements::<Vec<u8>>(1)?;
                budget.take(text.len())?;
            }
            (13 | 4700, value) => budget.numbers(value)?,
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples_of_the_encoding_read_as_published() {
        // protobuf.dev, "Encoding": field 1 = 150; field 2 = "testing".
        let message = [0x08, 0x96, 0x01, 0x12, 0x07, b't', b'e', b's', b't', b'i', b'n', b'g'];
        let fields: Vec<_> = Fields(&message).collect();
        assert_eq!(fields, [Ok((1, Value::Varint(150))), Ok((2, Value::Bytes(b"testing")))]);
    }

    #[test]
    fn every_cut_of_a_field_is_noticed() {
        let message = [0x12, 0x81, 0x00, b'x'];
        assert_eq!(Fields(&message).last(), Some(Ok((2, Value::Bytes(b"x")))));
        for length in 1..message.len() {
            assert_eq!(Fields(&message[..length]).last(), Some(Err(Fault::Truncated)));
        }
    }

    #[test]
    fn numbers_over_64_bits_and_unknown_wire_types_are_malformed() {
        let too_big = [&[0x08][..], &[0xff; 9], &[0x02]].concat();
        assert_eq!(Fields(&too_big).next(), Some(Err(Fault::Malformed)));
        let biggest = [&[0x08][..], &[0xff; 9], &[0x01]].concat();
        assert_eq!(Fields(&biggest).next(), Some(Ok((1, Value::Varint(u64::MAX)))));
        for wire_type in [3, 4, 6, 7] {
            assert_eq!(Fields(&[0x08 | wire_type, 0]).next(), Some(Err(Fault::Malformed)));
        }
        assert_eq!(Fields(&[0x00, 0x00]).next(), Some(Err(Fault::Malformed)), "field 0");
    }

    #[test]
    fn the_price_covers_what_empty_messages_and_packed_numbers_grow_to() {
        let messages = [0x12, 0x00].repeat(1000);
        let cost = 1000 * 2 * size_of::<proto::Sample>();
        assert_eq!(price(&messages, &mut Budget::new(cost)), Ok(()));
        assert_eq!(price(&messages, &mut Budget::new(cost - 1)), Err(Fault::TooLarge));
        // A sample of 100 packed locations.
        let packed = [&[0x12, 102, 0x0a, 100][..], &[1; 100]].concat();
        let cost = 2 * size_of::<proto::Sample>() + 100 * 16;
        assert_eq!(price(&packed, &mut Budget::new(cost)), Ok(()));
        assert_eq!(price(&packed, &mut Budget::new(cost - 1)), Err(Fault::TooLarge));
    }
}
