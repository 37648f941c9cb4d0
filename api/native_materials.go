package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// materialRoutes has the routes that are not described by huma, because they
// stream.
func (a *api) materialRoutes(r *router) {
	r.HandleFunc("POST /api/v1/materials", a.uploadMaterials)
	r.HandleFunc("GET /v1/materials/{id}", a.serveStoredMaterial)
}

func (a *api) materialOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/materials", "list-materials", "materials", "List materials",
		"The newest first; one's own, or everybody's for an admin."), a.listMaterials)
	handle(a, h, operation(get, "/api/v1/materials/{id}", "get-material", "materials", "Read a material", "With a fresh link to its file."), a.getMaterial)
	handle(a, h, operation(remove, "/api/v1/materials/{id}", "delete-material", "materials", "Delete a material",
		"Refused with 409 as long as a stored task uses it. Unused ones go by themselves after a while."), a.deleteMaterial)
}

// materialItem is a stored material as clients see it.
type materialItem struct {
	ID          string     `json:"id" doc:"What a request for a task names it by." example:"mat_01k0c9v6w1x8e5z4y3t2s1r0q9"`
	Kind        string     `json:"kind" enum:"image,video,audio"`
	Name        *string    `json:"name" doc:"The file's name when it was uploaded first."`
	ContentType string     `json:"content_type" doc:"What the file really is." example:"image/png"`
	Size        int64      `json:"size" doc:"Bytes."`
	SHA256      string     `json:"sha256" doc:"Checksum of the file, in hexadecimal."`
	Width       *int       `json:"width" doc:"Pixels, null for audio."`
	Height      *int       `json:"height" doc:"Pixels, null for audio."`
	Length      *float64   `json:"length" doc:"Seconds, null for images."`
	CreatedAt   *time.Time `json:"created_at" nullable:"false"`
	UsedAt      *time.Time `json:"used_at" doc:"When it was last uploaded or used for a new task."`
	URL         string     `json:"url" doc:"A link that works without a key and expires."`
}

func (a *api) materialItem(base string, m *store.StoredMaterial) *materialItem {
	item := &materialItem{
		ID: m.ID, Kind: m.Kind, Name: textOf(m.Name), ContentType: m.ContentType, Size: m.Size, SHA256: m.SHA256,
		CreatedAt: timeOf(m.CreatedAt), UsedAt: timeOf(m.UsedAt), URL: base + a.Links.Sign("/v1/materials/"+m.ID, a.linkExpiry()),
	}
	if m.Width > 0 {
		item.Width, item.Height = &m.Width, &m.Height
	}
	if m.LengthMS > 0 {
		item.Length = new(float64(m.LengthMS) / 1000)
	}
	return item
}

type materialsAnswer struct {
	Materials []*materialItem `json:"materials" nullable:"false"`
}

type materialAnswer struct {
	Material *materialItem `json:"material"`
}

type listMaterialsInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many."`
	Before string `query:"before" maxLength:"64" doc:"Only materials older than the one with this id: the member next of the page before."`
}

type listMaterialsAnswer struct {
	Materials []*materialItem `json:"materials" nullable:"false"`
	Next      *string         `json:"next" doc:"What to send as before for the next page, null on the last one."`
}

func (a *api) listMaterials(ctx context.Context, in *listMaterialsInput) (*body[listMaterialsAnswer], error) {
	c := callerOf(ctx)
	if !storable(in.Before) {
		return nil, invalid("before", "must be the member next of the page before")
	}
	// One more than asked for tells whether there is another page.
	list, err := a.Store.Materials(ctx, c.Owner(), in.Before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	answer := listMaterialsAnswer{Materials: []*materialItem{}}
	if len(list) > in.Limit {
		list = list[:in.Limit]
		answer.Next = &list[in.Limit-1].ID
	}
	for _, m := range list {
		answer.Materials = append(answer.Materials, a.materialItem(c.base, m))
	}
	return reply(answer)
}

func (a *api) getMaterial(ctx context.Context, in *byID) (*body[materialAnswer], error) {
	c := callerOf(ctx)
	m, err := a.Store.Material(ctx, c.Owner(), in.ID)
	if err != nil {
		return nil, err
	}
	return reply(materialAnswer{a.materialItem(c.base, m)})
}

func (a *api) deleteMaterial(ctx context.Context, in *byID) (*body[okAnswer], error) {
	blob, err := a.Store.DeleteMaterial(ctx, callerOf(ctx).Owner(), in.ID)
	if errors.Is(err, store.ErrConflict) {
		return nil, &apiError{status: http.StatusConflict, code: "material_in_use", message: "A stored task uses the material. Delete the task first."}
	}
	if err != nil {
		return nil, err
	}
	if blob != "" {
		if err := a.Blobs.Delete(ctx, blob); err != nil { // the queue's clean-up will find it
			a.log(ctx, &apiError{status: http.StatusOK, cause: err})
		}
	}
	return reply(okAnswer{true})
}

// uploadMaterials serves POST /api/v1/materials: a form with files, or JSON with
// the members of one file. Nothing but the files of the request counts; its other
// fields are ignored.
func (a *api) uploadMaterials(w http.ResponseWriter, r *http.Request) {
	rows, isNew, err := a.upload(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answer := materialsAnswer{make([]*materialItem, len(rows))}
	for i, row := range rows {
		answer.Materials[i] = a.materialItem(callerOf(r.Context()).base, row)
	}
	status := http.StatusOK
	if isNew {
		status = http.StatusCreated
	}
	writeJSON(w, status, &answer)
}

// upload stores the files of a request as materials of the key; isNew says
// whether there was one that the key did not have.
func (a *api) upload(w http.ResponseWriter, r *http.Request) (rows []*store.StoredMaterial, isNew bool, err error) {
	ctx := r.Context()
	key := callerOf(ctx).Key.ID
	c := a.newCreate(fieldsOf{}, "")
	defer func() {
		used := map[string]bool{}
		for _, row := range rows {
			used[row.Blob] = true
		}
		c.intake.close(ctx, err, used)
	}()
	all, err := c.readFiles(w, r)
	if err != nil {
		return nil, false, err
	}
	materials := make([]store.Material, len(all))
	for i, in := range all {
		materials[i] = in.file.Material
	}
	if err := c.intake.commit(ctx, key, materials); err != nil {
		return nil, false, err
	}
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	err = a.Store.Write(context.WithoutCancel(ctx), store.Durable, func(tx *store.Tx) error {
		rows, isNew = nil, false
		for _, m := range materials {
			row := &store.StoredMaterial{ID: m.ID, KeyID: key, Kind: m.Kind, Name: m.Name, ContentType: m.ContentType, Size: m.Size,
				SHA256: m.SHA256, Blob: m.Blob, Width: m.Width, Height: m.Height, LengthMS: m.LengthMS}
			kept, err := tx.KeepMaterial(row)
			if err != nil {
				return err
			}
			if kept {
				isNew = true
				if err := tx.Audit(store.Act{Action: "material.upload", TargetKind: "material", TargetID: row.ID, Became: row.Facts()}); err != nil {
					return err
				}
			}
			rows = append(rows, row)
		}
		return nil
	})
	return rows, isNew, err
}

// readFiles reads a request that is nothing but files.
func (c *create) readFiles(w http.ResponseWriter, r *http.Request) ([]input, error) {
	ctx := r.Context()
	c.intake.most = callerOf(ctx).Key.MaxUpload
	asJSON, err := bodyKind(r)
	if err != nil {
		return nil, err
	}
	if !asJSON {
		if err := c.parseForm(w, r); err != nil {
			return nil, err
		}
		if len(c.inputs["files"]) == 0 {
			return nil, invalid("files", "must be there: one part or more with a file")
		}
		return c.inputs["files"], nil
	}
	body, err := c.intake.readJSON(w, r, func(field string) bool { return field == "data" || field == "url" })
	if err == nil {
		err = checkJSON(body)
	}
	if err != nil {
		return nil, err
	}
	in, err := c.intake.fromObject(ctx, "", body)
	if err != nil {
		return nil, err
	}
	switch {
	case in.id != "":
		return nil, invalid("id", "names a material that is there already; send data or url")
	case in.file == nil:
		if _, err := checkURL(in.field, in.url); err != nil {
			return nil, err
		}
		if in.file, err = c.intake.fetch(ctx, in.field, in.url); err != nil {
			return nil, err
		}
	}
	return []input{*in}, nil
}

// serveStoredMaterial serves the file of a material to whoever has its link.
func (a *api) serveStoredMaterial(w http.ResponseWriter, r *http.Request) {
	expires, err := a.checkLink(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	m, err := a.Store.Material(r.Context(), "", r.PathValue("id"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.serveFile(w, r, storedFile{blob: m.Blob, contentType: m.ContentType, etag: m.SHA256, name: m.Name, expires: expires})
}
