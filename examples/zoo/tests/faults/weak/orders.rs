//! Steps that belong together, of which an error leaves only the first ones.

use itest::prelude::*;
use itest::request;
use reqwest::Client;
use serde_json::{Value, json};

use crate::fixtures::charges::{ChargeRequest, Charges, Receipt};
use crate::fixtures::clients::bounded_client;
use crate::fixtures::orders::{Trips, Warehouse};
use crate::fixtures::third_parties::{Payments, Travel};

/// Sells an item. It is reserved first, and stays reserved if the payment fails.
async fn sell(client: &Client, url: &str, warehouse: &Warehouse) -> Result<Receipt> {
    warehouse.reserve();
    let request = client.post(format!("{url}/charges")).json(&ChargeRequest { order: 1 });
    let receipt = request.send().await?.error_for_status()?.json().await?;
    warehouse.sell();
    Ok(receipt)
}

#[integration_test]
async fn item_is_sold(payments: &StandIn<Payments>, charges: &Charges, warehouse: &Warehouse) -> Result<()> {
    #[arrange]
    payments.when(request::post("/charges")).reply(charges.reply());
    let client = bounded_client()?;

    #[act]
    let receipt = sell(&client, &payments.url(), warehouse).await?;

    #[assert]
    assert!(receipt.id.starts_with("charge_"));
    Ok(())
}

/// Books a flight and a hotel. If the hotel fails, the flight stays.
async fn book_trip(client: &Client, url: &str) -> Result<()> {
    for part in ["flights", "hotels"] {
        let request = client.post(format!("{url}/{part}")).json(&json!({"trip": "oslo"}));
        let _booked: Value = request.send().await?.error_for_status()?.json().await?;
    }
    Ok(())
}

#[integration_test]
async fn trip_is_booked(travel: &StandIn<Travel>, trips: &Trips) -> Result<()> {
    #[arrange]
    travel.when(request::post("/flights")).reply(trips.book_flight());
    travel.when(request::post("/hotels")).reply(trips.book_hotel());
    let client = bounded_client()?;

    #[act]
    let booked = book_trip(&client, &travel.url()).await;

    #[assert]
    assert!(booked.is_ok());
    Ok(())
}
