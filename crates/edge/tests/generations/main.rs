//! Every interleaving, within bounds, of two servers over one store, an edge and a wire that loses, repeats and reorders:
//! the order of configurations and of reports, through a store that is replaced by an older copy and an edge that is
//! installed anew. The rules (`decide`, `project`) and the edge's judgement (`Agent::judge`) are the real ones.

mod feed;
#[path = "../../../domain/tests/common/mod.rs"]
mod installation;

use feed::{Feed, Left};
use stateright::{Checker, Model};

/// Plays all that is left to happen.
fn check(left: Left) {
    let checker = Feed::new(left).checker().threads(2).spawn_bfs().join();
    println!("{} states", checker.unique_state_count());
    checker.assert_properties();
}

/// What every case has: a deletion that the edge learns of and reports.
const DELETION: Left = Left {
    asks: 1,
    reports: 2,
    repeats: 0,
    copies: 0,
    restores: 0,
    installs: 0,
    restarts: 0,
    confirms: 0,
    deletes: 1,
};

#[test]
fn lost_repeated_and_reordered_messages() {
    check(Left { asks: 2, repeats: 1, ..DELETION });
}

#[test]
fn two_changes_and_a_server_that_starts_anew() {
    check(Left { asks: 2, confirms: 1, restarts: 1, ..DELETION });
}

#[test]
fn a_store_that_is_replaced_by_an_older_copy() {
    check(Left { copies: 1, restores: 1, confirms: 1, ..DELETION });
}

#[test]
fn an_edge_that_is_installed_anew() {
    check(Left { asks: 2, installs: 1, repeats: 1, ..DELETION });
}

#[test]
fn an_older_copy_and_an_edge_that_is_installed_anew() {
    check(Left { copies: 1, restores: 1, installs: 1, ..DELETION });
}
