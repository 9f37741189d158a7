-- One database and one role per service: no service can open another's tables. Run once, when the server makes its data.
\set catalog `cat /run/secrets/catalog-database-password`
\set intake `cat /run/secrets/intake-database-password`
\set routing `cat /run/secrets/routing-database-password`
\set credential `cat /run/secrets/credential-database-password`
\set checker `cat /run/secrets/checker-database-password`

create role tongban_catalog login password :'catalog';
create role tongban_intake login password :'intake';
create role tongban_routing login password :'routing';
create role tongban_credential login password :'credential';

-- C.UTF-8: text sorts the same on every server, and Chinese sorts at all.
create database tongban_catalog owner tongban_catalog template template0 encoding 'UTF8' locale_provider builtin builtin_locale 'C.UTF-8' locale 'C';
create database tongban_intake owner tongban_intake template template0 encoding 'UTF8' locale_provider builtin builtin_locale 'C.UTF-8' locale 'C';
create database tongban_routing owner tongban_routing template template0 encoding 'UTF8' locale_provider builtin builtin_locale 'C.UTF-8' locale 'C';
create database tongban_credential owner tongban_credential template template0 encoding 'UTF8' locale_provider builtin builtin_locale 'C.UTF-8' locale 'C';

revoke all on database tongban_catalog, tongban_intake, tongban_routing, tongban_credential from public;

-- Who proves that nothing is missing or double reads all of them, and writes nothing.
create role tongban_checker login password :'checker' in role pg_read_all_data;
alter role tongban_checker set default_transaction_read_only = on;
grant connect on database tongban_catalog, tongban_intake, tongban_routing, tongban_credential to tongban_checker;
