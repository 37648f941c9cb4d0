package store

import (
	"context"
	"database/sql/driver"
	"strings"
)

// maxPrepared bounds the statements that a connection keeps prepared; ours and
// River's are about a hundred.
const maxPrepared = 256

// preparing keeps statements prepared on its connections. SQLite takes longer to
// parse most of ours and River's than to run them.
type preparing struct{ driver.Connector }

func (p preparing) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &preparedConn{sqliteConn: conn.(sqliteConn), statements: make(map[string]*statement)}, nil
}

// sqliteConn is what the driver's connections can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type preparedConn struct {
	sqliteConn
	statements map[string]*statement
}

// sqliteStmt is what the driver's statements can do.
type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type statement struct {
	sqliteStmt
	open bool // its rows are being read
}

// prepared returns the kept statement of a query, nil for one that is not kept or
// whose rows are being read. Pragmas may do their work while they are prepared, and
// what changes the schema runs once.
func (c *preparedConn) prepared(ctx context.Context, query string) (*statement, error) {
	if s := c.statements[query]; s != nil {
		if s.open {
			return nil, nil
		}
		return s, nil
	}
	for _, word := range []string{"PRAGMA", "CREATE", "ALTER", "DROP"} {
		if strings.Contains(query, word) {
			return nil, nil
		}
	}
	if len(c.statements) >= maxPrepared {
		for query, s := range c.statements { // any of them
			if s.open {
				continue
			}
			delete(c.statements, query)
			if err := s.Close(); err != nil {
				return nil, err
			}
			break
		}
	}
	stmt, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s := &statement{sqliteStmt: stmt.(sqliteStmt)}
	c.statements[query] = s
	return s, nil
}

// ExecContext implements [driver.ExecerContext].
func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteConn.ExecContext(ctx, query, args)
	}
	return s.ExecContext(ctx, args)
}

// QueryContext implements [driver.QueryerContext].
func (c *preparedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	s.open = true
	return &statementRows{rows, s}, nil
}

// Close implements [driver.Conn].
func (c *preparedConn) Close() error {
	for _, s := range c.statements {
		_ = s.Close() // the connection goes with it
	}
	return c.sqliteConn.Close()
}

type statementRows struct {
	driver.Rows
	statement *statement
}

// Close implements [driver.Rows].
func (r *statementRows) Close() error {
	r.statement.open = false
	return r.Rows.Close()
}
