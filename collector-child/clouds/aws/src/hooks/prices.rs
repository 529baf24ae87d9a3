//! What things cost on demand, from the price list service.

use super::prelude::*;
use crate::facts::pricing_location;

/// The price in US dollars of the first product that has these attributes; `None` if there is none, or the price
/// list does not know the region.
pub(super) async fn on_demand(
    context: Context<'_>,
    region: &str,
    attributes: &[(&str, &str)],
) -> Result<Option<f64>, Failure> {
    let Some(location) = pricing_location(region) else { return Ok(None) };
    let attributes = attributes.iter().copied().chain([("location", location.as_str())]);
    let filters: Vec<Value> = attributes
        .map(|(field, value)| json!({"Type": "TERM_MATCH", "Field": field, "Value": value}))
        .collect();
    // The price list is served where what has no region is.
    let context = context.global();
    let ask = context.ask("pricing", "GetProducts").with("ServiceCode", "AmazonEC2").with("Filters", filters);
    let product = ask.with("MaxResults", 1).one("PriceList[0]").await?;
    Ok(product.as_ref().and_then(Value::as_str).and_then(price_of))
}

/// The price in the text of a product: of the first dimension of its first term for use on demand.
fn price_of(product: &str) -> Option<f64> {
    let product: Value = serde_json::from_str(product).ok()?;
    let term = product["terms"]["OnDemand"].as_object()?.values().next()?;
    let dimension = term["priceDimensions"].as_object()?.values().next()?;
    dimension["pricePerUnit"]["USD"].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_is_that_of_the_first_dimension() {
        let product = json!({"terms": {"OnDemand": {"A": {"priceDimensions": {"B": {
            "unit": "Hrs", "pricePerUnit": {"USD": "0.0104000000"},
        }}}}}});
        assert_eq!(price_of(&product.to_string()), Some(0.0104));
        assert_eq!(price_of(r#"{"terms": {"Reserved": {}}}"#), None);
        assert_eq!(price_of("no json"), None);
    }
}
