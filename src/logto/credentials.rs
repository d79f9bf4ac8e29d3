//! The credentials of the operator's machine-to-machine application.

use secrecy::SecretString;

use super::{Endpoint, EndpointError};
use crate::api::credentials::CredentialsKeys;

/// Where a Logto is and who asks; everything comes from one Secret, so that whoever can not read it can not have it
/// sent elsewhere. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Logto's address.
    pub endpoint: Endpoint,
    /// The id of the machine-to-machine application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
}

/// Why a Secret holds no [`Credentials`]; its values are never repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// A key is not there.
    #[error("the credentials Secret has no key {key}; add it (the Secret needs {needed})")]
    Missing {
        /// The key.
        key: String,
        /// All keys.
        needed: String,
    },
    /// A key is there without a value.
    #[error("key {key} of the credentials Secret is empty; give it a value")]
    Empty {
        /// The key.
        key: String,
    },
    /// A value that is not one line of text.
    #[error(
        "key {key} of the credentials Secret is not one line of text without spaces; write it again, encoded to base64 once"
    )]
    NotText {
        /// The key.
        key: String,
    },
    /// An endpoint that is not an origin.
    #[error("key {key} of the credentials Secret {error}")]
    Endpoint {
        /// The key.
        key: String,
        /// What is wrong with it.
        error: EndpointError,
    },
}

impl Credentials {
    /// Reads the keys of these names through `value_of`, for example from a Secret's data.
    ///
    /// One line break at the end of a value is dropped: `echo … | base64` adds it.
    ///
    /// # Errors
    /// The first key that is missing, empty or ill-formed.
    pub fn read<'a>(
        value_of: impl Fn(&str) -> Option<&'a [u8]>,
        keys: &CredentialsKeys,
        allow_plain_http: bool,
    ) -> Result<Self, CredentialsError> {
        let text = |key: &str| {
            let value = value_of(key).ok_or_else(|| CredentialsError::Missing {
                key: key.to_owned(),
                needed: keys.to_string(),
            })?;
            line(key, value)
        };
        let endpoint = Endpoint::parse(text(&keys.endpoint)?, allow_plain_http);
        Ok(Self {
            endpoint: endpoint.map_err(|error| CredentialsError::Endpoint {
                key: keys.endpoint.clone(),
                error,
            })?,
            client_id: text(&keys.client_id)?.to_owned(),
            client_secret: SecretString::from(text(&keys.client_secret)?),
        })
    }
}

fn line<'a>(key: &str, value: &'a [u8]) -> Result<&'a str, CredentialsError> {
    let not_text = || CredentialsError::NotText {
        key: key.to_owned(),
    };
    let text = std::str::from_utf8(value).map_err(|_| not_text())?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(CredentialsError::Empty {
            key: key.to_owned(),
        });
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(not_text());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use secrecy::ExposeSecret;

    use super::*;

    fn named() -> CredentialsKeys {
        CredentialsKeys {
            endpoint: "logto.url".into(),
            client_id: "m2m-id".into(),
            client_secret: "M2M_SECRET".into(),
        }
    }

    /// What a Secret with these keys comes to once one of them has another value, or none.
    fn read(
        keys: &CredentialsKeys,
        changed: &str,
        value: Option<&[u8]>,
    ) -> Result<Credentials, CredentialsError> {
        let mut data: BTreeMap<&str, &[u8]> = BTreeMap::from([
            (
                keys.endpoint.as_str(),
                b"https://logto.example.com".as_slice(),
            ),
            (&keys.client_id, b"operator"),
            (&keys.client_secret, b"hunter2"),
        ]);
        match value {
            Some(value) => _ = data.insert(changed, value),
            None => _ = data.remove(changed),
        }
        Credentials::read(|key| data.get(key).copied(), keys, false)
    }

    #[test]
    fn one_line_break_at_the_end_is_dropped() {
        for keys in [CredentialsKeys::default(), named()] {
            for value in [b"s3cret".as_slice(), b"s3cret\n", b"s3cret\r\n"] {
                let read = read(&keys, &keys.client_secret, Some(value)).unwrap();
                assert_eq!(read.client_secret.expose_secret(), "s3cret");
            }
        }
    }

    #[test]
    fn the_key_that_is_missing_empty_or_ill_formed_is_named() {
        for keys in [CredentialsKeys::default(), named()] {
            for key in [&keys.endpoint, &keys.client_id, &keys.client_secret] {
                bad_values_of(&keys, key);
            }
            let error = read(&keys, &keys.endpoint, Some(b"http://logto:3001")).unwrap_err();
            assert!(error.to_string().contains(&keys.endpoint), "{error}");
            assert!(matches!(
                error,
                CredentialsError::Endpoint {
                    error: EndpointError::PlainHttp { .. },
                    ..
                }
            ));
        }
    }

    fn bad_values_of(keys: &CredentialsKeys, key: &str) {
        let said = |value: Option<&[u8]>| read(keys, key, value).unwrap_err();
        let missing = said(None);
        let text = missing.to_string();
        assert!(
            matches!(missing, CredentialsError::Missing { .. }),
            "{text}"
        );
        assert!(text.contains(&format!("no key {key}")), "{text}");
        assert!(text.contains(&keys.to_string()), "{text}");
        for empty in [b"".as_slice(), b"\n", b"\r\n"] {
            let key = key.to_owned();
            assert_eq!(said(Some(empty)), CredentialsError::Empty { key });
        }
        for bad in [
            b"\xff\xfe".as_slice(),
            b"two\nlines",
            b"a\n\n",
            b"a b",
            b"a\0",
        ] {
            let error = said(Some(bad));
            assert!(error.to_string().contains(key));
            let key = key.to_owned();
            assert_eq!(error, CredentialsError::NotText { key });
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let keys = CredentialsKeys::default();
        let shown = format!("{:?}", read(&keys, "clientId", Some(b"operator")).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("operator"), "{shown}");
    }
}
