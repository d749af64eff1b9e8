//! Who may ask: a bearer token, compared in constant time.

use super::answer::{self, Answer};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode, header, request::Parts};
use subtle::ConstantTimeEq;

/// The secret that requests must show.
#[derive(Clone)]
pub(super) struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    pub(super) fn new(secret: String) -> Token {
        Token(secret)
    }

    /// Whether the request shows the token: as `Bearer`, or as the password of
    /// `Basic`, which is what `go tool pprof` makes of `http://:token@host/` and
    /// what browsers ask for.
    pub(super) fn check(&self, parts: &Parts) -> Result<(), Box<Answer>> {
        let shown = parts.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let secret = match shown.and_then(split) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer") => Some(token.to_vec()),
            Some((scheme, encoded)) if scheme.eq_ignore_ascii_case(b"basic") => password(encoded),
            _ => None,
        };
        // Takes the same time whichever byte is the first to differ; that the
        // length differs shows.
        if secret.is_some_and(|secret| secret.ct_eq(self.0.as_bytes()).into()) {
            return Ok(());
        }
        let mut answer = answer::error(StatusCode::UNAUTHORIZED, "Unauthorized");
        for scheme in ["Bearer", "Basic realm=\"holdup\", charset=\"UTF-8\""] {
            let value = HeaderValue::from_static(scheme);
            answer.headers_mut().append(header::WWW_AUTHENTICATE, value);
        }
        Err(Box::new(answer))
    }
}

/// A scheme and what follows it.
fn split(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = value.iter().position(|&byte| byte == b' ')?;
    Some((&value[..space], value[space..].trim_ascii()))
}

/// The part of `user:password` after the colon.
fn password(encoded: &[u8]) -> Option<Vec<u8>> {
    let pair = STANDARD.decode(encoded).ok()?;
    let colon = pair.iter().position(|&byte| byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(authorization: Option<&[u8]>) -> Option<u16> {
        let mut request = http::Request::get("/metrics").body(()).unwrap();
        if let Some(value) = authorization {
            let value = HeaderValue::from_bytes(value).unwrap();
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let answer = Token::new("s3cret".to_owned()).check(&request.into_parts().0);
        answer.err().map(|answer| answer.status().as_u16())
    }

    #[test]
    fn the_token_opens_and_nothing_else_does() {
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair)).into_bytes();
        assert_eq!(status(Some(b"Bearer s3cret")), None);
        assert_eq!(status(Some(b"bearer  s3cret")), None);
        assert_eq!(status(Some(&basic(":s3cret"))), None);
        assert_eq!(status(Some(&basic("anybody:s3cret"))), None);
        for wrong in [
            None,
            Some(&b"s3cret"[..]),
            Some(b"Bearer"),
            Some(b"Bearer "),
            Some(b"Bearer s3cre"),
            Some(b"Bearer s3crets"),
            Some(b"Bearer S3cret"),
            Some(b"Digest s3cret"),
            Some(b"Basic s3cret"),
            Some(b"Basic \xff\xfe"),
            Some(&basic("s3cret")),
            Some(&basic("s3cret:")),
        ] {
            assert_eq!(status(wrong), Some(401), "{wrong:?}");
        }
    }

    #[test]
    fn the_token_is_not_printed() {
        assert!(!format!("{:?}", Token::new("s3cret".to_owned())).contains("s3cret"));
    }
}
