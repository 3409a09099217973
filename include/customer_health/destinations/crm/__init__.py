"""CRM systems: Salesforce and HubSpot."""
