//! The credentials of the operator's machine-to-machine application.

use secrecy::SecretString;

use super::{Endpoint, EndpointError};

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
    #[error(
        "the credentials Secret has no key {key}; add it (the Secret needs endpoint, clientId and clientSecret)"
    )]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A key is there without a value.
    #[error("key {key} of the credentials Secret is empty; give it a value")]
    Empty {
        /// The key.
        key: &'static str,
    },
    /// A value that is not one line of text.
    #[error(
        "key {key} of the credentials Secret is not one line of text without spaces; write it again, encoded to base64 once"
    )]
    NotText {
        /// The key.
        key: &'static str,
    },
    /// An endpoint that is not an origin.
    #[error("key endpoint of the credentials Secret {0}")]
    Endpoint(#[from] EndpointError),
}

impl Credentials {
    /// Reads the keys `endpoint`, `clientId` and `clientSecret` through `value_of`, for example from a Secret's data.
    ///
    /// One line break at the end of a value is dropped: `echo … | base64` adds it.
    ///
    /// # Errors
    /// The first key that is missing, empty or ill-formed.
    pub fn read<'a>(
        value_of: impl Fn(&str) -> Option<&'a [u8]>,
        allow_plain_http: bool,
    ) -> Result<Self, CredentialsError> {
        let text = |key| line(key, value_of(key));
        Ok(Self {
            endpoint: Endpoint::parse(text("endpoint")?, allow_plain_http)?,
            client_id: text("clientId")?.to_owned(),
            client_secret: SecretString::from(text("clientSecret")?),
        })
    }
}

fn line<'a>(key: &'static str, value: Option<&'a [u8]>) -> Result<&'a str, CredentialsError> {
    let value = value.ok_or(CredentialsError::Missing { key })?;
    let text = std::str::from_utf8(value).map_err(|_| CredentialsError::NotText { key })?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(CredentialsError::Empty { key });
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(CredentialsError::NotText { key });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use secrecy::ExposeSecret;

    use super::*;

    fn read(changed: &str, value: Option<&[u8]>) -> Result<Credentials, CredentialsError> {
        let mut data: BTreeMap<&str, &[u8]> = BTreeMap::from([
            ("endpoint", b"https://logto.example.com".as_slice()),
            ("clientId", b"operator"),
            ("clientSecret", b"hunter2"),
        ]);
        match value {
            Some(value) => _ = data.insert(changed, value),
            None => _ = data.remove(changed),
        }
        Credentials::read(|key| data.get(key).copied(), false)
    }

    #[test]
    fn one_line_break_at_the_end_is_dropped() {
        for value in [b"s3cret".as_slice(), b"s3cret\n", b"s3cret\r\n"] {
            let read = read("clientSecret", Some(value)).unwrap();
            assert_eq!(read.client_secret.expose_secret(), "s3cret");
        }
    }

    #[test]
    fn the_key_that_is_missing_empty_or_ill_formed_is_named() {
        for key in ["endpoint", "clientId", "clientSecret"] {
            assert_eq!(
                read(key, None).unwrap_err(),
                CredentialsError::Missing { key }
            );
            for empty in [b"".as_slice(), b"\n", b"\r\n"] {
                assert_eq!(
                    read(key, Some(empty)).unwrap_err(),
                    CredentialsError::Empty { key }
                );
            }
            for bad in [
                b"\xff\xfe".as_slice(),
                b"two\nlines",
                b"a\n\n",
                b"a b",
                b"a\0",
            ] {
                let error = read(key, Some(bad)).unwrap_err();
                assert_eq!(error, CredentialsError::NotText { key });
                assert!(error.to_string().contains(key));
            }
        }
        let error = read("endpoint", Some(b"http://logto:3001")).unwrap_err();
        assert!(matches!(
            error,
            CredentialsError::Endpoint(EndpointError::PlainHttp { .. })
        ));
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", read("clientId", Some(b"operator")).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("operator"), "{shown}");
    }
}
