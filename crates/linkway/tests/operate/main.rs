//! What an operator meets in the life of an installation: starts that work and starts that must be
//! refused, an end without loss, backups, damage, the journal, what happens by itself, real edges,
//! and secrets that stay where they belong.

#[path = "../process/mod.rs"]
mod process;

mod approval;
mod backup;
mod damage;
mod directory;
mod feed;
mod hostile;
mod journal;
mod moments;
mod old;
mod operators;
mod plaintext;
mod rekey;
mod secrets;
mod start;
mod stop;
mod tls;
mod usual_paths;
