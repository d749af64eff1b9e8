//! The `holdup` command; all of it is in the library `holdup_cli`.

fn main() -> std::process::ExitCode {
    holdup_cli::main()
}
