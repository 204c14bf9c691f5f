//! HMAC-SHA-256 (RFC 2104, FIPS 198-1) on the compression function of `sha2`, from the states that a pepper leaves behind.
//!
//! What the `hmac` crate does, without the copies of its buffers: those are a third of the time of a key check.

use alloc::vec::Vec;
use core::slice;

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// The block of SHA-256, in bytes.
pub(super) const BLOCK: usize = 64;
/// Where the length stands in the last block.
const LENGTH_AT: usize = BLOCK - 8;

/// The initial hash value of SHA-256 (FIPS 180-4 section 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// A secret after its first block, inside and outside.
#[derive(Clone)]
pub(super) struct MacKey {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl Drop for MacKey {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

impl MacKey {
    pub(super) fn new(secret: &[u8]) -> Self {
        let short = if secret.len() > BLOCK { Sha256::digest(secret).to_vec() } else { secret.to_vec() };
        let short: Zeroizing<Vec<u8>> = Zeroizing::new(short);
        let absorbed = |pad: u8| {
            let mut block = Zeroizing::new([pad; BLOCK]);
            for (place, byte) in block.iter_mut().zip(short.iter()) {
                *place ^= byte;
            }
            let mut state = INITIAL;
            compress256(&mut state, slice::from_ref(&*block));
            state
        };
        Self { inner: absorbed(0x36), outer: absorbed(0x5c) }
    }
}

/// A MAC under way, fed piece by piece. What was fed stays in one block, and the end overwrites that.
pub(super) struct Feed<'k> {
    key: &'k MacKey,
    state: [u32; 8],
    block: [u8; BLOCK],
    len: usize,
}

impl<'k> Feed<'k> {
    pub(super) const fn new(key: &'k MacKey) -> Self {
        Self { key, state: key.inner, block: [0; BLOCK], len: 0 }
    }

    /// How many bytes were fed.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn put(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.block.get_mut(self.len % BLOCK..).unwrap_or_default();
            let taken = room.len().min(bytes.len());
            let Some((head, rest)) = bytes.split_at_checked(taken) else { return };
            if let Some(room) = room.get_mut(..taken) {
                room.copy_from_slice(head);
            }
            self.len = self.len.wrapping_add(taken);
            if self.len.is_multiple_of(BLOCK) {
                compress256(&mut self.state, slice::from_ref(&self.block));
            }
            bytes = rest;
        }
    }

    pub(super) fn finish(mut self) -> [u8; 32] {
        self.pad(self.len);
        let Self { key, state: inner, mut block, .. } = self;
        put_words(&mut block, &inner);
        let mut last = Feed { key, state: key.outer, block, len: 32 };
        last.pad(32);
        let mut digest = [0; 32];
        put_words(&mut digest, &last.state);
        digest
    }

    /// Ends a hash (FIPS 180-4 section 5.1.1) of `len` bytes after the block of the secret.
    fn pad(&mut self, len: usize) {
        let filled = len % BLOCK;
        if let Some((mark, zeros)) = self.block.get_mut(filled..).and_then(<[u8]>::split_first_mut) {
            *mark = 0x80;
            zeros.fill(0);
        }
        if filled >= LENGTH_AT {
            compress256(&mut self.state, slice::from_ref(&self.block));
            self.block.fill(0);
        }
        if let Some(place) = self.block.last_chunk_mut() {
            *place = bits_of(len);
        }
        compress256(&mut self.state, slice::from_ref(&self.block));
    }
}

/// The MAC of two texts that are one whole block and a short one together, without a feed. One block after the other takes the same
/// place, so that nothing of a key stays behind.
pub(super) fn short(key: &MacKey, one: &[u8], two: &[u8]) -> Option<[u8; 32]> {
    let (two, rest) = two.split_at_checked(BLOCK.checked_sub(one.len())?)?;
    let mut block = [0; BLOCK];
    block.get_mut(..one.len())?.copy_from_slice(one);
    block.get_mut(one.len()..)?.copy_from_slice(two);
    let mut inner = key.inner;
    compress256(&mut inner, slice::from_ref(&block));
    block.fill(0);
    end_with(&mut block, rest, bits_of(BLOCK.checked_add(rest.len())?))?;
    compress256(&mut inner, slice::from_ref(&block));
    block.fill(0);
    let mut digest = [0; 32];
    put_words(&mut digest, &inner);
    end_with(&mut block, &digest, bits_of(digest.len()))?;
    let mut outer = key.outer;
    compress256(&mut outer, slice::from_ref(&block));
    put_words(&mut digest, &outer);
    Some(digest)
}

/// SHA-256 of a text of one whole block and a short one, without a feed. The first is read where it is.
pub(super) fn short_hash(text: &[u8]) -> Option<[u8; 32]> {
    let (first, rest) = text.split_first_chunk()?;
    let mut last = [0; BLOCK];
    end_with(&mut last, rest, (text.len() as u64).wrapping_mul(8).to_be_bytes())?;
    let mut state = INITIAL;
    compress256(&mut state, slice::from_ref(first));
    compress256(&mut state, slice::from_ref(&last));
    let mut digest = [0; 32];
    put_words(&mut digest, &state);
    Some(digest)
}

/// The last block of a hash, from one of zeros; `None` when the rest of the text is too long for it.
#[inline(always)]
fn end_with(block: &mut [u8; BLOCK], rest: &[u8], bits: [u8; 8]) -> Option<()> {
    let (space, length) = block.split_last_chunk_mut()?;
    let (text, after) = space.split_at_mut_checked(rest.len())?;
    *after.first_mut()? = 0x80;
    text.copy_from_slice(rest);
    *length = bits;
    Some(())
}

/// The length that ends a hash of so many bytes after the block of the secret.
const fn bits_of(len: usize) -> [u8; 8] {
    (len as u64).wrapping_add(BLOCK as u64).wrapping_mul(8).to_be_bytes()
}

/// Writes words in network order.
fn put_words(into: &mut [u8], words: &[u32; 8]) {
    let (places, _) = into.as_chunks_mut::<4>();
    for (place, word) in places.iter_mut().zip(words) {
        *place = word.to_be_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit, Mac};

    #[test]
    fn a_short_hash_is_sha_256() {
        for len in 0..200_u8 {
            let text: Vec<u8> = (0..len).collect();
            let expected: [u8; 32] = Sha256::digest(&text).into();
            assert_eq!(short_hash(&text), (64..120).contains(&len).then_some(expected), "{len}");
        }
    }

    #[test]
    fn every_length_gives_what_the_hmac_crate_gives() {
        let text: Vec<u8> = (0..400_u32).map(|number| u8::try_from(number % 251).unwrap()).collect();
        for secret in [0, 1, 31, 32, 63, 64, 65, 127, 128, 129, 400] {
            let secret = &text[..secret];
            let key = MacKey::new(secret);
            for len in 0..=400 {
                let mut peer = Hmac::<Sha256>::new_from_slice(secret).unwrap();
                peer.update(&text[..len]);
                let mut feed = Feed::new(&key);
                // In pieces of every size up to a block and a bit.
                text[..len].chunks(1 + len % 70).for_each(|piece| feed.put(piece));
                assert_eq!(feed.len(), len);
                let expected: [u8; 32] = peer.finalize().into_bytes().into();
                assert_eq!(feed.finish(), expected, "{} {len}", secret.len());
                let (one, two) = text[..len].split_at(len / 3);
                let short = short(&key, one, two);
                // Only where the first text is shorter than a block.
                let fits = (64..120).contains(&len) && len / 3 <= 64;
                assert_eq!(short, fits.then_some(expected), "{} {len}", secret.len());
            }
        }
    }
}
