//! What is asked of whom: the requests of each turn.

use anyhow::{Result, bail};

use crate::load::Requests;
use crate::requests::{self, Key};
use crate::rounds::Source;
use crate::seed::{Extent, Population, mix};

/// Interfaces that are asked for in a turn, each turn others.
const ASKED: usize = 40_000;
/// The VLANs above those that the filling uses, up to the last there is.
const FREE_VLANS: std::ops::RangeInclusive<u16> = 200..=4094;
/// What is in every interface that is shown.
const INTERFACE: &str = "\"virtualInterfaceId\":\"dxvif-";
/// What is in every interface that was just lent.
const CONFIRMING: &str = "\"virtualInterfaceState\":\"confirming\"";

/// For the constant server: as many different requests as the real one gets, so that the load
/// generator does the same.
pub fn of_constant(key: &Key) -> Source<'_> {
    Box::new(|_, _| {
        let mut requests = Requests::new(INTERFACE, true);
        for nth in 0..ASKED {
            requests.push(&requests::describe_interface(key, &format!("dxvif-{nth:08}"))?);
        }
        Ok(requests)
    })
}

/// Interfaces of a store, drawn from all of them.
pub fn describes(population: &Population, extent: Extent) -> Source<'_> {
    let mut turn = 0;
    Box::new(move |_, _| {
        let mut requests = Requests::new(INTERFACE, true);
        for nth in turn * ASKED..(turn + 1) * ASKED {
            let drawn = usize::try_from(mix(nth as u64) % extent.interfaces as u64)?;
            let (id, owner) = &population.interfaces[drawn];
            let key = &population.tenants[*owner].key;
            requests.push(&requests::describe_interface(key, id.as_str())?);
        }
        turn += 1;
        Ok(requests)
    })
}

/// New interfaces on the connections of a store, spread over all of them.
pub fn allocations(population: &Population, extent: Extent) -> Source<'_> {
    let mut used = 0;
    Box::new(move |sent, wanted| {
        used += sent;
        let mut requests = Requests::new(CONFIRMING, false);
        for nth in used..used + wanted {
            requests.push(&allocation(population, extent, nth)?);
        }
        Ok(requests)
    })
}

fn allocation(population: &Population, extent: Extent, nth: usize) -> Result<Vec<u8>> {
    let vlan = FREE_VLANS.start() + u16::try_from(nth / extent.connections)?;
    if !FREE_VLANS.contains(&vlan) {
        bail!("every VLAN of the {} connections is used up", extent.connections);
    }
    let (connection, lender) = &population.connections[nth % extent.connections];
    let owner = (lender + 1 + nth % (extent.tenants - 1)) % extent.tenants;
    let owner = population.tenants[owner].id.as_str();
    let lender = &population.tenants[*lender].key;
    requests::allocate(lender, connection.as_str(), owner, vlan)
}
