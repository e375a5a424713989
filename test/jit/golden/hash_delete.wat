;; 0: (62) *(u32 *)(r10 -4) = 0
;; 1: (18) r1 = 0x1
;; 3: (bf) r2 = r10
;; 4: (07) r2 += -4
;; 5: (85) call bpf_map_delete_elem#3
;; 6: (95) exit
(module
  (type (;0;) (func (param i32 i32) (result i32)))
  (type (;1;) (func (param i32 i32 i32 i32 i32) (result i64)))
  (type (;2;) (func (param i32 i32 i32) (result i32)))
  (import "env" "memory" (memory (;0;) 256 32768 shared))
  (import "env" "table" (table (;0;) 0 funcref))
  (import "env" "cpu_area" (global (;0;) i32))
  (import "map:hash:k4:v8" "delete" (func (;0;) (type 0)))
  (func $hash_delete (type 1) (param i32 i32 i32 i32 i32) (result i64)
    (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    loop  ;; label = @1
      block  ;; label = @2
        local.get 0
        i64.extend_i32_u
        local.set 5
        local.get 3
        i64.const 0
        i64.store32 offset=508 align=1
        i64.const 2097152
        local.set 5
        local.get 3
        i32.const 512
        i32.add
        i64.extend_i32_u
        local.set 6
        local.get 6
        i64.const -4
        i64.add
        local.set 6
        i32.const 2097152
        local.get 6
        i32.wrap_i64
        call 0
        i64.extend_i32_s
        local.set 10
        br 0 (;@2;)
        unreachable
      end
      local.get 2
      i32.const 1
      i32.sub
      local.tee 2
      br_if 0 (;@1;)
    end
    local.get 10)
  (func $run (type 2) (param i32 i32 i32) (result i32)
    (local i32 i64 i32)
    local.get 2
    i32.eqz
    if  ;; label = @1
      i32.const 1
      local.set 2
    end
    global.get 0
    i32.const CPU.stack
    i32.add
    global.get 0
    i32.load offset=16 align=1
    i32.const 4096
    i32.mul
    i32.add
    local.set 5
    block  ;; label = @1
      loop  ;; label = @2
        i32.const CPU.doorbell
        local.get 2
        local.get 2
        i32.const CPU.doorbell
        i32.gt_u
        select
        local.set 3
        local.get 0
        local.get 1
        local.get 3
        local.get 5
        i32.const 0
        call 1
        local.set 4
        local.get 2
        local.get 3
        i32.sub
        local.tee 2
        i32.eqz
        br_if 1 (;@1;)
        br 0 (;@2;)
      end
    end
    global.get 0
    local.get 4
    i64.store offset=CPU.retval align=1
    local.get 4
    i32.wrap_i64)
  (export "run" (func 2))
  (export "main" (func 1)))
