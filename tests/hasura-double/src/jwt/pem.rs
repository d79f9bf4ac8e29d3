//! Just enough of PEM and DER to read the public keys and certificates that Hasura takes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::keys::Key;

/// The key in the first PEM block: PKCS#1 (RSA), SubjectPublicKeyInfo, or an X.509 certificate.
pub(crate) fn public_key(text: &str) -> Result<Key, String> {
    let der = first_block(text)?;
    let whole = Element::read(&der)
        .filter(|(_, rest)| rest.is_empty())
        .map(|(element, _)| element);
    let parts = whole.and_then(|whole| whole.children()).unwrap_or_default();
    let tags: Vec<u8> = parts.iter().map(|part| part.tag).collect();
    match tags.as_slice() {
        [INTEGER, INTEGER] => Ok(rsa_key(&parts[0], &parts[1])),
        [SEQUENCE, BIT_STRING] => key_of(&parts[0], &parts[1]),
        [SEQUENCE, SEQUENCE, BIT_STRING] => certified_key(&parts[0]),
        _ => Err("no public key or certificate".to_owned()),
    }
}

fn first_block(text: &str) -> Result<Vec<u8>, String> {
    // Upstream tries a key, then a certificate, and joins both errors.
    let missing = || "No pem found No pem found".to_owned();
    let (_, after) = text.split_once("-----BEGIN ").ok_or_else(missing)?;
    let (label, after) = after.split_once("-----").ok_or_else(missing)?;
    let (body, _) = after
        .split_once(&format!("-----END {label}-----"))
        .ok_or_else(missing)?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD
        .decode(body)
        .map_err(|_| "the block is not base64".to_owned())
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_ID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const EXPLICIT_VERSION: u8 = 0xa0;

/// rsaEncryption, 1.2.840.113549.1.1.1
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// id-Ed25519, 1.3.101.112
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// id-ecPublicKey, 1.2.840.10045.2.1
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// prime256v1
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// secp384r1
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// secp521r1
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
/// secp256k1
const P256K: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x0a];

/// The key in a SubjectPublicKeyInfo: its algorithm, and the bits that hold it.
fn key_of(algorithm: &Element<'_>, bits: &Element<'_>) -> Result<Key, String> {
    let parts = algorithm.children().unwrap_or_default();
    let identifier = parts
        .first()
        .filter(|part| part.tag == OBJECT_ID)
        .map(|part| part.content);
    // The first byte counts unused bits, of which a key has none.
    let bytes = bits.content.get(1..).unwrap_or_default();
    match identifier {
        Some(ED25519) => Ok(Key::Ed25519(bytes.to_vec())),
        Some(RSA) => match Element::read(bytes).and_then(|(key, _)| key.children()) {
            Some(numbers) if numbers.len() == 2 => Ok(rsa_key(&numbers[0], &numbers[1])),
            _ => Err("no RSA key in the public key".to_owned()),
        },
        Some(EC) => match parts.get(1).map(|curve| curve.content) {
            Some(P256) => Ok(Key::P256(bytes.to_vec())),
            Some(P384) => Ok(Key::P384(bytes.to_vec())),
            Some(P521) => Ok(Key::P521(bytes.to_vec())),
            Some(P256K) => Ok(Key::Unfit),
            _ => Err("Error getting EC parameters from the public key".to_owned()),
        },
        _ => Err("This key type is not supported".to_owned()),
    }
}

/// DER puts a zero before a number whose first bit is set.
fn rsa_key(modulus: &Element<'_>, exponent: &Element<'_>) -> Key {
    let number = |element: &Element<'_>| {
        let bytes = element.content;
        bytes.strip_prefix(&[0]).unwrap_or(bytes).to_vec()
    };
    Key::Rsa {
        n: number(modulus),
        e: number(exponent),
    }
}

/// The key of a certificate is the seventh field of its body when the version is given, else the sixth.
fn certified_key(body: &Element<'_>) -> Result<Key, String> {
    let fields = body.children().unwrap_or_default();
    let versioned = fields
        .first()
        .is_some_and(|field| field.tag == EXPLICIT_VERSION);
    let key = fields
        .get(if versioned { 6 } else { 5 })
        .and_then(Element::children)
        .unwrap_or_default();
    match key.as_slice() {
        [algorithm, bits] => key_of(algorithm, bits),
        _ => Err("no public key in the certificate".to_owned()),
    }
}

/// One DER value.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

impl<'a> Element<'a> {
    /// The first value and what follows it; nothing when the bytes are no whole value.
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&tag, rest) = bytes.split_first()?;
        let (&short, rest) = rest.split_first()?;
        let (length, rest) = match short {
            0..=0x7f => (usize::from(short), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(short - 0x80))?;
                (
                    digits
                        .iter()
                        .fold(0, |length, digit| length << 8 | usize::from(*digit)),
                    rest,
                )
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        Some((Self { tag, content }, rest))
    }

    fn children(&self) -> Option<Vec<Element<'a>>> {
        let mut rest = self.content;
        let mut children = Vec::new();
        while !rest.is_empty() {
            let (child, after) = Self::read(rest)?;
            children.push(child);
            rest = after;
        }
        Some(children)
    }
}
