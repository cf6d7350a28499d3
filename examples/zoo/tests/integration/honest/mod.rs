//! Tests that are tempting to accuse: they share what the lying ones share, and give no cause for complaint.

mod alone;
mod clock;
mod files;
mod network;
mod process;
mod random;
mod rows;
