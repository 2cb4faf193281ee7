//! How long many interfaces take.

use std::time::Instant;

use linkway_edge::kernel::Change;

use crate::{Trial, everything};

impl Trial {
    pub fn many(&mut self, count: u16) {
        let names = |n: u16| (format!("dxvif-{n}"), format!("vgw-{n}"));
        let mut changes = Vec::new();
        for n in 1..=count {
            let (link, gateway) = names(n);
            changes.extend(everything(&link, n, &gateway, u32::from(n), "169.254.0.1/30"));
        }
        let began = Instant::now();
        self.apply(&format!("{count} interfaces, {} changes", changes.len()), &changes);
        println!("     made in {:?}", began.elapsed());
        let began = Instant::now();
        let kernel = self.look();
        println!(
            "     read in {:?}: {} links, {} routes",
            began.elapsed(),
            kernel.links.len(),
            kernel.routes.len()
        );
        self.check("all are there", kernel.routes.len() == usize::from(count) * 2);
        let began = Instant::now();
        self.apply("all of it again", &changes);
        println!("     made again in {:?}", began.elapsed());
        let mut removals = Vec::new();
        for r in &kernel.routes {
            removals.push(Change::DeleteRoute(r.clone()));
        }
        for n in 1..=count {
            let (link, gateway) = names(n);
            removals.extend([Change::DeleteLink { link }, Change::DeleteLink { link: gateway }]);
        }
        let began = Instant::now();
        self.apply("all removed", &removals);
        println!("     removed in {:?}", began.elapsed());
        let left = self.look().routes;
        self.check("none is left", left.is_empty());
    }
}
