//! A program that runs, and serves its profile over HTTP.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, bail};
use ureq::http::uri::PathAndQuery;
use ureq::http::{StatusCode, Uri};

use super::subject::{to_json, waiting_json};
use crate::input::MOST_BYTES;

/// How long a program may take to answer. It looks up names first, and a
/// profile of the next seconds takes these.
const PATIENCE: Duration = Duration::from_secs(120);
const PATIENCE_TO_CONNECT: Duration = Duration::from_secs(5);

/// Where holdup serves what the page reads, and Go what is close to it.
const HOLDUP: &str = "/debug/holdup/profile.json";
const PPROF: &str = "/debug/pprof/mutex";

/// What the path of holdup's profile ends in, and what stands there of who waits now.
const PROFILE_FILE: &str = "/profile.json";
const LIVE_FILE: &str = "/live";

/// What came of a request.
#[derive(Clone, Debug)]
pub enum Fetched {
    Body(Vec<u8>),
    /// Another status than success.
    Refused(StatusCode),
}

/// The address of a program.
#[derive(Clone, Debug)]
pub struct Program {
    /// `host:port`.
    authority: String,
    /// The paths to ask for, one after another, until one is there.
    paths: Vec<String>,
    token: Option<String>,
}

impl Program {
    /// The program at `url`. Without a path, or with one of a folder, the
    /// profile's path in it is asked for.
    pub fn at(url: &str) -> anyhow::Result<Program> {
        let uri: Uri = url.parse().with_context(|| format!("{url} is no address"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => bail!(
                "{url}: https is not spoken here; fetch the profile (curl -o FILE) and give the file"
            ),
            _ => bail!("{url}: an address must begin with http://"),
        }
        let Some(authority) = uri.authority() else { bail!("{url} names no host") };
        let (user, authority) = match authority.as_str().rsplit_once('@') {
            Some((user, authority)) => (Some(user), authority),
            None => (None, authority.as_str()),
        };
        let token = user.map(|user| user.split_once(':').map_or(user, |(_, password)| password));
        let asked = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let paths = match asked {
            "/" => vec![HOLDUP, PPROF],
            "/debug/holdup" | "/debug/holdup/" => vec![HOLDUP],
            "/debug/pprof" | "/debug/pprof/" => vec![PPROF],
            asked => vec![asked],
        };
        Ok(Program {
            authority: authority.to_owned(),
            paths: paths.into_iter().map(str::to_owned).collect(),
            token: token.filter(|token| !token.is_empty()).map(str::to_owned),
        })
    }

    /// Its profile, as JSON.
    pub fn fetch(&self) -> anyhow::Result<String> {
        let mut refused = None;
        for path in &self.paths {
            let context = || format!("cannot fetch http://{}{path}", self.authority);
            match self.get(path, PATIENCE)? {
                Fetched::Body(bytes) => return to_json(bytes).with_context(context),
                Fetched::Refused(status) => {
                    refused = Some(format!("{}: it answers {status}", context()));
                    if status != 404 {
                        break;
                    }
                }
            }
        }
        bail!(refused.unwrap_or_else(|| format!("cannot fetch {self}")))
    }

    /// Where it says who waits now, if the profile asked for is one of holdup's.
    pub fn waiting_path(&self) -> Option<String> {
        let paths = self.paths.iter().map(|path| path.split('?').next().unwrap_or(path));
        let mut folders = paths.filter_map(|path| path.strip_suffix(PROFILE_FILE));
        folders.next().map(|folder| format!("{folder}{LIVE_FILE}"))
    }

    /// Who waits there now, as JSON. None if that is not to be had of it.
    pub fn fetch_waiting(&self) -> anyhow::Result<Option<String>> {
        let Some(path) = self.waiting_path() else { return Ok(None) };
        let context = || format!("cannot fetch http://{}{path}", self.authority);
        match self.get(&path, PATIENCE)? {
            Fetched::Body(bytes) => waiting_json(bytes).map(Some).with_context(context),
            Fetched::Refused(StatusCode::NOT_FOUND) => Ok(None),
            Fetched::Refused(status) => bail!("{}: it answers {status}", context()),
        }
    }

    /// What it answers to a request for `path`, within `patience`.
    pub fn get(&self, path: &str, patience: Duration) -> anyhow::Result<Fetched> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(patience))
            .timeout_connect(Some(PATIENCE_TO_CONNECT))
            // The token goes to nobody else.
            .max_redirects(0)
            .http_status_as_error(false)
            .build()
            .into();
        let url = format!("http://{}{path}", self.authority);
        let mut request = agent.get(&url);
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let context = || format!("cannot fetch {url}");
        let mut response = request.call().map_err(reason).with_context(context)?;
        if !response.status().is_success() {
            return Ok(Fetched::Refused(response.status()));
        }
        let body = response.body_mut().with_config().limit(MOST_BYTES);
        Ok(Fetched::Body(body.read_to_vec().map_err(reason).with_context(context)?))
    }
}

/// What went wrong, without what is said around it anyhow.
fn reason(error: ureq::Error) -> anyhow::Error {
    match error {
        ureq::Error::Io(error) => error.into(),
        ureq::Error::BodyExceedsLimit(_) => {
            anyhow::anyhow!("it is larger than {} MiB", MOST_BYTES >> 20)
        }
        error => error.into(),
    }
}

/// Without the token.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)?;
        match &self.paths[..] {
            [path] if path != HOLDUP => f.write_str(path),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_path_stands_for_the_profile_there() {
        let paths = |url| Program::at(url).unwrap().paths;
        assert_eq!(paths("http://127.0.0.1:6060"), [HOLDUP, PPROF]);
        assert_eq!(paths("http://127.0.0.1:6060/"), [HOLDUP, PPROF]);
        assert_eq!(paths("http://h/debug/holdup/"), [HOLDUP]);
        assert_eq!(paths("http://h/debug/pprof/"), [PPROF]);
        assert_eq!(paths("http://h/x?seconds=2"), ["/x?seconds=2"]);
    }

    #[test]
    fn who_waits_is_said_beside_holdups_profile() {
        let path = |url| Program::at(url).unwrap().waiting_path();
        let here = Some("/debug/holdup/live".to_owned());
        assert_eq!(path("http://127.0.0.1:6060"), here);
        assert_eq!(path("http://h/debug/holdup/"), here);
        assert_eq!(path("http://h/debug/holdup/profile.json?seconds=2"), here);
        assert_eq!(path("http://h/a/profile.json"), Some("/a/live".to_owned()));
        assert_eq!(path("http://h/debug/pprof/mutex"), None);
        assert_eq!(path("http://h/x?a=/profile.json"), None);
    }

    #[test]
    fn the_token_is_taken_out_of_the_address() {
        let program = Program::at("http://:s3cret@h:1/x").unwrap();
        assert_eq!(program.to_string(), "http://h:1/x");
        assert_eq!(program.token.as_deref(), Some("s3cret"));
        assert_eq!(Program::at("http://me:pass@h").unwrap().token.as_deref(), Some("pass"));
        assert_eq!(Program::at("http://h").unwrap().token, None);
    }

    #[test]
    fn what_is_no_address_of_a_program_is_said_in_a_line() {
        for (url, says) in [
            ("https://h/", "https is not spoken"),
            ("ftp://h/", "must begin with http://"),
            ("http://", "is no address"),
            ("http://a b/", "is no address"),
        ] {
            let error = format!("{:#}", Program::at(url).unwrap_err());
            assert!(error.contains(says) && !error.contains('\n'), "{url}: {error}");
        }
    }
}
