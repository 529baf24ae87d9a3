//! Private keys in the encrypted form of old OpenSSL: a PEM block with `Proc-Type: 4,ENCRYPTED` and
//! `DEK-Info: AES-256-CBC,<iv>`. Python's `cryptography` still writes it, and so does the peer.
//!
//! The key is derived with MD5 (`EVP_BytesToKey`, one round, the first eight bytes of the iv as salt), so the
//! passphrase of such a file is all that protects it; we only read it.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use data_encoding::HEXUPPER_PERMISSIVE;
use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::key_error::KeyError;

/// Decrypts the contents of a PEM block with these headers.
pub(super) fn decrypt(
    dek_info: &str,
    contents: &[u8],
    passphrase: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (cipher, iv) = dek_info
        .split_once(',')
        .ok_or_else(|| KeyError::Malformed("its DEK-Info header has no initialization vector".to_owned()))?;
    let cipher = cipher.trim().to_ascii_uppercase();
    if !matches!(cipher.as_str(), "AES-128-CBC" | "AES-192-CBC" | "AES-256-CBC") {
        return Err(KeyError::Cipher(cipher));
    }
    let iv: [u8; 16] = HEXUPPER_PERMISSIVE
        .decode(iv.trim().as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| {
            KeyError::Malformed("the initialization vector in its DEK-Info header is broken".to_owned())
        })?;
    let key = |length| derive(passphrase, &iv[..8], length);
    let plain = match cipher.as_str() {
        "AES-128-CBC" => {
            cbc::Decryptor::<aes::Aes128>::new_from_slices(&key(16), &iv).map(|d| plain(d, contents))
        }
        "AES-192-CBC" => {
            cbc::Decryptor::<aes::Aes192>::new_from_slices(&key(24), &iv).map(|d| plain(d, contents))
        }
        _ => cbc::Decryptor::<aes::Aes256>::new_from_slices(&key(32), &iv).map(|d| plain(d, contents)),
    };
    // Bad padding is what a wrong passphrase nearly always looks like.
    plain.ok().flatten().ok_or(KeyError::WrongPassphrase)
}

fn plain(decryptor: impl BlockModeDecrypt, contents: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    decryptor.decrypt_padded_vec::<Pkcs7>(contents).ok().map(Zeroizing::new)
}

/// `EVP_BytesToKey` with MD5 and one round.
fn derive(passphrase: &[u8], salt: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(48));
    while key.len() < length {
        let mut hash = Md5::new();
        if let Some(last) = key.len().checked_sub(16) {
            hash.update(&key[last..]);
        }
        hash.update(passphrase);
        hash.update(salt);
        key.extend_from_slice(&hash.finalize());
    }
    key.truncate(length);
    key
}
