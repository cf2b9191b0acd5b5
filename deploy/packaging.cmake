# What `make install` puts where, and the Debian package that `make package` makes of it.
include(GNUInstallDirs)

install(TARGETS pulsegate RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/pulsegate)
install(FILES deploy/haproxy.cfg deploy/nginx.conf DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/pulsegate/examples)
install(FILES deploy/systemd/pulsegate.sysusers DESTINATION lib/sysusers.d RENAME pulsegate.conf)

# Where the prefix is known only when it is installed: what names paths, and what Debian wants below /etc.
set(PULSEGATE_DEPLOY_DIR ${CMAKE_CURRENT_LIST_DIR})
install(CODE "set(deploy \"${PULSEGATE_DEPLOY_DIR}\")\nset(made \"${CMAKE_CURRENT_BINARY_DIR}/packaging\")")
install(CODE [[
  set(bindir "${CMAKE_INSTALL_PREFIX}/bin")
  set(docdir "${CMAKE_INSTALL_PREFIX}/share/doc/pulsegate")
  if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    set(etc "/etc")
  else()
    set(etc "${CMAKE_INSTALL_PREFIX}/etc")
  endif()
  set(etcdir "${etc}/pulsegate")
  configure_file("${deploy}/systemd/pulsegate.service.in" "${made}/pulsegate.service" @ONLY)
  file(INSTALL DESTINATION "${CMAKE_INSTALL_PREFIX}/lib/systemd/system" TYPE FILE FILES "${made}/pulsegate.service")
  # What the operator has changed stays.
  if(EXISTS "$ENV{DESTDIR}${etcdir}/pulsegate.conf")
    message(STATUS "Kept: $ENV{DESTDIR}${etcdir}/pulsegate.conf")
  else()
    file(INSTALL DESTINATION "${etcdir}" TYPE FILE FILES "${deploy}/pulsegate.conf")
  endif()
  if(NOT EXISTS "$ENV{DESTDIR}${etc}/default/pulsegate")
    file(INSTALL DESTINATION "${etc}/default" TYPE FILE RENAME pulsegate FILES "${deploy}/systemd/pulsegate.default")
  endif()
]])

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME pulsegate)
set(CPACK_PACKAGE_CONTACT "Pulsegate maintainers <maintainers@pulsegate.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "An API server publishes what devices report to Redis; Pulsegate subscribes by device, reads PostgreSQL for first
 snapshots and history, and forwards both to the WebSockets of dashboards. It records and replays events for debugging.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What is opened by name while it runs: SOCI's backend is linked, time zones are not.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser | systemd, tzdata")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "redis-server, postgresql")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${PULSEGATE_DEPLOY_DIR}/debian/postinst ${PULSEGATE_DEPLOY_DIR}/debian/prerm ${PULSEGATE_DEPLOY_DIR}/debian/postrm
    ${CMAKE_CURRENT_BINARY_DIR}/packaging/conffiles)
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/packaging/conffiles "/etc/default/pulsegate\n/etc/pulsegate/pulsegate.conf\n")
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/package)
include(CPack)
