CREATE TABLE document (tenant text NOT NULL, text text NOT NULL);
ALTER TABLE document ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON document USING (tenant = current_setting('app.tenant', true));
