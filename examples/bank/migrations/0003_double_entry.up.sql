-- A transfer must have exactly two entries in one currency whose sum is zero, so that no money appears or vanishes. The trigger checks
-- this at commit, because the rule cannot hold between the inserts of the two entries.
CREATE FUNCTION check_double_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    checked bigint;
BEGIN
    IF TG_TABLE_NAME = 'transfer' THEN
        checked := NEW.id;
    ELSIF TG_OP = 'DELETE' THEN
        checked := OLD.transfer_id;
    ELSE
        checked := NEW.transfer_id;
    END IF;
    IF NOT (SELECT count(*) = 2 AND sum(entry.amount) = 0 AND count(DISTINCT account.currency) = 1
            FROM entry JOIN account ON account.id = entry.account_id
            WHERE entry.transfer_id = checked)
    THEN
        RAISE EXCEPTION 'transfer % is not balanced', checked USING ERRCODE = 'check_violation', CONSTRAINT = 'double_entry';
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER double_entry AFTER INSERT ON transfer
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_double_entry();

CREATE CONSTRAINT TRIGGER double_entry AFTER INSERT OR DELETE OR UPDATE OF transfer_id, account_id, amount ON entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_double_entry();
