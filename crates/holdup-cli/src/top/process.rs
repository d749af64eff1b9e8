//! The address at which a process of this machine serves its profile: the one, of those at
//! which it listens, that answers as holdup does.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use procfs::ProcError;
use procfs::net::TcpState;
use procfs::process::{FDTarget, Process};

use super::source::LIVE;
use crate::commands::web::program::{Fetched, Program};

/// How long each address has to answer. It looks up no names for this.
const PATIENCE: Duration = Duration::from_secs(2);

/// Of how many addresses the answers are waited for.
const ADDRESSES: usize = 16;

/// The program that is the process of this number.
pub fn program(number: i32) -> anyhow::Result<Program> {
    let addresses = match listens(number) {
        Ok(addresses) => addresses,
        Err(ProcError::NotFound(_)) => bail!("there is no process {number}"),
        Err(ProcError::PermissionDenied(_)) => {
            bail!(
                "whether process {number} serves its profile may not be seen: it is another user's"
            )
        }
        Err(error) => return Err(error).context(format!("cannot look at process {number}")),
    };
    let mut answers = Vec::new();
    for address in &addresses {
        let program = Program::at(&format!("http://{address}"))?;
        let answer = match program.get(LIVE, PATIENCE) {
            Ok(Fetched::Body(_)) => return Ok(program),
            Ok(Fetched::Refused(status)) if status == 401 => {
                bail!("process {number} wants a token: holdup top http://:TOKEN@{address}")
            }
            Ok(Fetched::Refused(status)) => status.as_u16().to_string(),
            Err(_) => "no answer".to_owned(),
        };
        answers.push(format!("{address}: {answer}"));
    }
    match answers.is_empty() {
        true => bail!(
            "process {number} listens at no address, so it serves no profile; \
             a program can be run and watched by holdup top -- COMMAND"
        ),
        false => {
            bail!("process {number} serves no {LIVE} where it listens ({})", answers.join(", "))
        }
    }
}

/// At which addresses a process listens, as they are reached from this machine.
fn listens(number: i32) -> Result<Vec<SocketAddr>, ProcError> {
    let process = Process::new(number)?;
    // A descriptor may be closed between two looks.
    let sockets: HashSet<u64> = process
        .fd()?
        .filter_map(|descriptor| match descriptor.ok()?.target {
            FDTarget::Socket(inode) => Some(inode),
            _ => None,
        })
        .collect();
    // Where the system has no IPv6 there is no such table.
    let tables = process.tcp()?.into_iter().chain(process.tcp6().unwrap_or_default());
    let mut addresses: Vec<SocketAddr> = tables
        .filter(|entry| entry.state == TcpState::Listen && sockets.contains(&entry.inode))
        .map(|entry| reached(entry.local_address))
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.truncate(ADDRESSES);
    Ok(addresses)
}

/// Who listens at all addresses is asked at the machine's own.
fn reached(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn the_addresses_at_which_a_process_listens_are_found() {
        let here = TcpListener::bind("127.0.0.1:0").unwrap();
        let everywhere = TcpListener::bind("0.0.0.0:0").unwrap();
        let found = listens(std::process::id() as i32).unwrap();
        assert!(found.contains(&here.local_addr().unwrap()), "{found:?}");
        let port = everywhere.local_addr().unwrap().port();
        assert!(found.contains(&SocketAddr::from(([127, 0, 0, 1], port))), "{found:?}");
    }

    #[test]
    fn a_process_that_is_not_there_is_said_in_a_line() {
        let error = format!("{:#}", program(i32::MAX).unwrap_err());
        assert_eq!(error, format!("there is no process {}", i32::MAX));
    }
}
