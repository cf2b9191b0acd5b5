// The guide imports `knex` from its API server's '../database'; this is that module here. It connects to where the
// libpq variables PGHOST, PGPORT, PGUSER, PGDATABASE point.
import knexFactory from 'knex';

// A single connection, so that queries are answered in the order in which they were asked: the test knows by the answer
// to a later query that all earlier ones have been answered, and needs no pause to see that nothing more comes.
export const knex = knexFactory({ client: 'pg', connection: {}, pool: { min: 0, max: 1 } });
