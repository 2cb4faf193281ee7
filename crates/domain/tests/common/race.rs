//! Two callers at the same time.

use super::{Call, World};

/// Both decide on `world`; the first commits, the second is a conflict and decides again. In both orders.
pub fn exclusive(world: &World, one: &Call, other: &Call, refusals: [&str; 2]) {
    for ((first, second), refusal) in [(one, other), (other, one)].into_iter().zip(refusals) {
        let mut world = world.clone();
        let winner = world.decide(first).expect("possible on its own");
        let loser = world.decide(second).expect("possible on its own");
        world.commit(&winner).expect("the first commit wins");
        let before = world.clone();
        let conflict = world.commit(&loser).expect_err("the second is a conflict");
        assert_eq!(world, before, "{conflict:?} wrote something");
        let fault = world.decide(second).expect_err("the second is impossible now");
        assert_eq!(fault.to_string(), refusal);
        assert_eq!(world.violations(), Vec::<String>::new());
    }
}
