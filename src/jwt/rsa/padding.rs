//! Encoded messages: EMSA-PKCS1-v1_5 and EMSA-PSS (RFC 8017 section 9).

use alloc::vec::Vec;

use crate::jwt::verify::{Digest, Hash};

/// The DER prefix of a DigestInfo (RFC 8017 section 9.2, note 1).
const fn digest_info(hash: Hash) -> &'static [u8] {
    match hash {
        Hash::Sha256 => &[
            0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
            0x20,
        ],
        Hash::Sha384 => &[
            0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04,
            0x30,
        ],
        Hash::Sha512 => &[
            0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04,
            0x40,
        ],
    }
}

/// Whether `encoded` is exactly `00 01 FF… 00 DigestInfo digest`.
pub(super) fn is_pkcs1(encoded: &[u8], hash: Hash, message: &[u8]) -> bool {
    let digest = hash.digest(&[message]);
    let tail = [digest_info(hash), digest.as_slice()];
    let tail_len = tail.iter().map(|part| part.len()).fold(0, usize::saturating_add);
    let Some(filler) = encoded.len().checked_sub(tail_len.saturating_add(3)).filter(|filler| *filler >= 8) else {
        return false;
    };
    let expected = [0, 1].into_iter().chain(core::iter::repeat_n(0xff, filler)).chain([0]);
    encoded.iter().copied().eq(expected.chain(tail.into_iter().flatten().copied()))
}

/// Whether `encoded` is an EMSA-PSS encoding of the message for a modulus of `bits`.
pub(super) fn is_pss(encoded: Vec<u8>, bits: usize, hash: Hash, message: &[u8]) -> bool {
    open_pss(encoded, bits, hash, message).unwrap_or(false)
}

fn open_pss(mut encoded: Vec<u8>, bits: usize, hash: Hash, message: &[u8]) -> Option<bool> {
    let message_bits = bits.checked_sub(1)?;
    let encoded_len = message_bits.div_ceil(8);
    // When the modulus has a whole number of bytes and one bit, the first byte must be zero.
    while encoded.len() > encoded_len {
        if encoded.remove(0) != 0 {
            return Some(false);
        }
    }
    let (trailer, rest) = encoded.split_last_mut()?;
    let size = hash.size();
    let (masked, digest) = rest.split_at_mut_checked(rest.len().checked_sub(size)?)?;
    if *trailer != 0xbc {
        return Some(false);
    }
    let spare = encoded_len.saturating_mul(8).saturating_sub(message_bits);
    let spare_mask = 0xff_u8.checked_shl(8_u32.saturating_sub(u32::try_from(spare).ok()?)).unwrap_or(0);
    if *masked.first()? & spare_mask != 0 {
        return Some(false);
    }
    unmask(masked, digest, hash);
    *masked.first_mut()? &= !spare_mask;
    let zeros = masked.len().checked_sub(size.saturating_add(1))?;
    let (zeros, rest) = masked.split_at_checked(zeros)?;
    let (one, salt) = rest.split_first()?;
    if zeros.iter().any(|byte| *byte != 0) || *one != 1 {
        return Some(false);
    }
    let hashed: Digest = hash.digest(&[message]);
    let again = hash.digest(&[&[0; 8], hashed.as_slice(), salt]);
    Some(again.as_slice() == digest)
}

/// XORs MGF1 of `seed` (RFC 8017 appendix B.2.1) into `data`.
fn unmask(data: &mut [u8], seed: &[u8], hash: Hash) {
    for (counter, chunk) in (0_u32..).zip(data.chunks_mut(hash.size())) {
        let block = hash.digest(&[seed, &counter.to_be_bytes()]);
        for (byte, mask) in chunk.iter_mut().zip(block.as_slice()) {
            *byte ^= mask;
        }
    }
}
