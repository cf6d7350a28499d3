//! Rebuilds the package when a migration is added: Cargo watches only Rust sources by itself.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
